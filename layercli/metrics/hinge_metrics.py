"""The means of the hinge losses."""

from __future__ import annotations

from layercli.losses.hinge_losses import categorical_hinge, hinge, squared_hinge
from layercli.metrics.reduction_metrics import mean_class

Hinge = mean_class("Hinge", hinge, __name__)
SquaredHinge = mean_class("SquaredHinge", squared_hinge, __name__)
CategoricalHinge = mean_class("CategoricalHinge", categorical_hinge, __name__)
