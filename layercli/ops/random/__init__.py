"""Random operations: distributions, dropout and noise, and the counter-based generator."""
