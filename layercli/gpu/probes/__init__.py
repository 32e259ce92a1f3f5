"""Probes: read the state of the machine's GPUs into a snapshot."""
