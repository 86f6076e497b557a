"""A book's state in memory: the store's functions that decisions call, by the same names."""
