"""The plan: the calls to make, and their cost, as arithmetic over what is known. No clock, no I/O."""
