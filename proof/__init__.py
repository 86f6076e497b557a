"""The proof that no order is sent twice or lost: a simulation, and chaos with real processes."""
