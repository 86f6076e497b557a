"""Proofs: what must hold of the whole system, tried on real processes and on simulated ones."""
