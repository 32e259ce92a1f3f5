"""Cases of rotary positions."""

from __future__ import annotations

from layercli.ops.cases import Case, spec
from layercli.ops.rotary import Rotary

CASES = [Case(Rotary(), (spec("B T 2 6"),)), Case(Rotary(base=500_000.0), (spec("B T H 4"),))]
