"""Run models: layer modules, eager calls, weights, devices, graphs from files."""
