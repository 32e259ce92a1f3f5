"""Reports on a model or a file, as plain dataclasses. No rendering, no torch."""
