"""Exits: when a position must go."""
