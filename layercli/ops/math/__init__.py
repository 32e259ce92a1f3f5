"""Fourier transforms, segment reductions and special functions."""
