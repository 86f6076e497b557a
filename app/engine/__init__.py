"""Thinking: values in, verdicts out. No clock, no I/O, no settings object."""
