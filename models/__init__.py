"""The named models."""
