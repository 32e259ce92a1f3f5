"""Self-tests that run on the devices: products, memory, operations, bandwidth, load."""
