"""Gates: each a small pure function, a tuple in reading order."""
