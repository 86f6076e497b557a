"""Strategies, and the dict that names them."""
