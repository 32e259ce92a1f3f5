"""Tests of the GPU check."""
