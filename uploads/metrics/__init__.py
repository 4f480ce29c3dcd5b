"""Counts events in each process, and sums the counters of one host's processes."""
