"""One machine: embedded PostgreSQL and Valkey, and the Procfile behind `metronome up`."""
