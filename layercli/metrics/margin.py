"""Means of the hinge losses."""

from __future__ import annotations

from layercli.losses import margin
from layercli.metrics.mean import mean_class

Hinge = mean_class("Hinge", margin.hinge, __name__)
SquaredHinge = mean_class("SquaredHinge", margin.squared_hinge, __name__)
CategoricalHinge = mean_class("CategoricalHinge", margin.categorical_hinge, __name__)
