"""The language model: one port, and the server behind it."""
