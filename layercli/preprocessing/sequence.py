"""Sequences of one length."""

from __future__ import annotations

from layercli.utils import pad_sequences

__all__ = ["pad_sequences"]
