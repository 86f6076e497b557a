"""Every setting, typed, read once at the edge."""
