"""Metronome: beat ticks, evidence flows, one pure engine decides; no order twice, none lost."""
