"""Metronome: beat ticks, evidence flows, one pure engine decides, and no order is sent twice or lost."""
