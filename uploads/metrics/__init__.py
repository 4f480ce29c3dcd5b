"""Counts events in each process, and sums the counters of all processes of one host."""
