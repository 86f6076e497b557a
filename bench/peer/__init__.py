"""The benchmarks' strategies for other engines, each a script for a Python that has the engine."""
