"""Analyses that run or trace a model: module graphs, costs, comparison, latency, profiles."""
