"""Which calls to make, and what they cost: arithmetic over what is known, without a clock and without I/O."""
