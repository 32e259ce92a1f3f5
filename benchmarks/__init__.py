"""Benchmarks of speed and memory against peers, as ratios in paired runs: ``make bench``."""
