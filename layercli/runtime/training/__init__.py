"""Training: compile, fit, evaluate, data adapters, checkpoints."""
