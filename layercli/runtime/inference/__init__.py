"""Inference: forward passes, predict, batch inference over large files, and weights prepared for oneDNN."""
