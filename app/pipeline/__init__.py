"""Steps: load, decide, persist, publish; one step a file, named in the order data flows."""
