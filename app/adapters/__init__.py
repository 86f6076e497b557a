"""Brokers: where orders go. One port, one file or folder per broker."""
