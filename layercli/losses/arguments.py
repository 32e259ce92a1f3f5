"""One line of documentation for each argument that several losses and metrics share."""

from __future__ import annotations

from collections.abc import Iterable

ARGUMENTS = {
    "alpha": "the weight of class 1 (focal), or of false negatives (Tversky).",
    "apply_class_balancing": "whether to weight class 1 by alpha and class 0 by 1 - alpha.",
    "axis": "the axis of the classes or features; for Dice and Tversky the summed axes, None for all.",
    "beta": "the weight of false positives.",
    "delta": "the absolute error at which the loss changes from quadratic to linear.",
    "dtype": "the dtype of the computation (loss) or the result (metric), float32 by default.",
    "from_logits": "whether y_pred holds logits rather than probabilities.",
    "from_sorted_ids": "whether y_pred holds class ids, most probable first.",
    "gamma": "the focusing exponent (focal), or the scale of the similarities (Circle).",
    "ignore_class": "a class id whose samples count 0, or None.",
    "k": "the number of best predictions among which the target counts as found.",
    "label_smoothing": "a fraction in [0, 1] of each target that is spread evenly over the classes.",
    "margin": "the margin of the similarities.",
    "name": "the name in logs.",
    "q": "an exponent between 0 (crossentropy) and 1 (mean absolute error), both excluded.",
    "reduction": "sum_over_batch_size (or mean), sum, mean_with_sample_weight, or none (or None).",
    "remove_diagonal": "whether to leave each sample out of its own references.",
    "threshold": "the value above which a prediction counts as 1.",
}


def document(text: str, names: Iterable[str]) -> str:
    """Return a docstring with a line for each of the arguments ``names``.

    >>> print(document("A loss.", ["delta"]))
    A loss.
    <BLANKLINE>
    Arguments:
        delta: the absolute error at which the loss changes from quadratic to linear.
    """
    return "\n".join([text.rstrip(), "", "Arguments:", *(f"    {name}: {ARGUMENTS[name]}" for name in names)])
