"""Benchmarks, as commands: ours beside what it is compared to, in one run."""
