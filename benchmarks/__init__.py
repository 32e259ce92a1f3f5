"""Speed and size against the peers, as ratios in paired runs: ``make bench``."""
