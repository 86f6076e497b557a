"""Chaos: real processes are killed and stopped, replies are lost, then everything is counted."""
