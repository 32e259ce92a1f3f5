"""Distributed training: process groups, DDP, FSDP2, checkpoints written by all ranks."""
