"""Alpaca: trading over its REST interface and its stream of trade updates."""
