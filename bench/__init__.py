"""What the performance page is computed from: everything measured in one run, on one machine."""
