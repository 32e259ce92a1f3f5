"""Means of the hinge losses."""

from __future__ import annotations

from layercli.losses import hinge
from layercli.metrics.reduction_metrics import mean_class

Hinge = mean_class("Hinge", hinge.hinge, __name__)
SquaredHinge = mean_class("SquaredHinge", hinge.squared_hinge, __name__)
CategoricalHinge = mean_class("CategoricalHinge", hinge.categorical_hinge, __name__)
