"""Edges: everything but brokers that crosses the process."""
