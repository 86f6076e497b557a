"""The flow of orders in one process, with a virtual clock and a fault between any two effects."""
