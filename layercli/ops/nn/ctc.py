"""Connectionist temporal classification (CTC): the loss, and greedy and beam-search decoding."""

from __future__ import annotations

from typing import Any

from layercli.core import dims, dtypes
from layercli.core.operation import MultiOutputOp, Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import F, torch
from layercli.ops.core.conversion import cast, convert_to_tensor

HOPELESS = 1e5
"""The approximate loss of labels without an alignment, as in Keras."""


@dataclass(frozen=True)
class CtcLoss(Op):
    """out[b] = -log(probability of target[b], summed over its alignments with softmax(output[b])).

    target: (batch, labels); output: (batch, steps, classes); the lengths of both: (batch,); ``blank``: the blank class.
    """

    blank: int = 0

    def spec(self, target: Spec, output: Spec, target_length: Spec, output_length: Spec) -> Spec:
        """Return (batch,); ShapeError for inputs of other shapes."""
        check_steps(output)
        batch = output.shape[0]
        ranks = (target.rank, target_length.rank, output_length.rank) == (2, 1, 1)
        if not ranks or any(not dims.may_equal(x.shape[0], batch) for x in (target, target_length, output_length)):
            raise ShapeError(
                "expects target (batch, labels), output (batch, steps, classes) and their lengths (batch,), "
                f"got {target}, {output}, {target_length} and {output_length}"
            )
        return Spec((batch,), output.dtype)

    def run(self, target: Tensor, output: Tensor, target_length: Any, output_length: Any) -> Tensor:
        """Return torch's ctc_loss, and about ``HOPELESS`` where it is infinite."""
        self.spec(*map(spec_of, (target, output, target_length, output_length)))
        if output.is_meta:
            return output.new_empty(len(output))
        logs = F.log_softmax(output, -1).transpose(0, 1)
        lengths = output_length.long(), target_length.long()
        out = F.ctc_loss(logs, target.long(), *lengths, self.blank, "none", zero_infinity=True)
        possible = lengths[1] + _repeats(target, lengths[1]) <= lengths[0]
        return torch.where(possible, out, HOPELESS)


@dataclass(frozen=True)
class CtcGreedyDecode(MultiOutputOp):
    """The most probable class of each step of x (batch, steps, classes) without blanks, and minus the sum of their
    scores.

    ``merges``: repeated classes are merged. The labels, in int32, are padded with -1.
    """

    merges: bool = True
    blank: int = 0

    def spec(self, x: Spec, lengths: Spec) -> tuple[Spec, Spec]:
        """Return (1, batch, steps) and (batch, 1)."""
        check_steps(x)
        batch, steps, _ = x.shape
        return Spec((1, batch, steps), "int32"), Spec((batch, 1), x.dtype)

    def run(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """Return the argmax of each step, with the removed steps sorted to the end."""
        check_steps(spec_of(x))
        steps = torch.arange(x.shape[1], device=x.device)
        scores, labels = x.max(-1)
        beyond = steps >= lengths.unsqueeze(1)
        labels = torch.where(beyond, self.blank, labels)
        removed = labels == self.blank
        if self.merges:
            removed = removed | F.pad(labels[:, 1:] == labels[:, :-1], (1, 0))
        order = torch.argsort(torch.where(removed, x.shape[1], steps), dim=-1, stable=True)
        labels = torch.gather(torch.where(removed, -1, labels), 1, order)
        return labels.int().unsqueeze(0), -torch.where(beyond, 0, scores).sum(1, keepdim=True)


@dataclass(frozen=True)
class CtcBeamDecode(MultiOutputOp):
    """The ``paths`` most probable label sequences for x (batch, steps, classes), by beam search with ``width`` beams.

    Also their log probabilities. The labels, in int32, are padded with -1.
    """

    width: int = 100
    paths: int = 1
    blank: int = 0

    def spec(self, x: Spec, lengths: Spec) -> tuple[Spec, Spec]:
        """Return (paths, batch, steps) and (batch, paths)."""
        check_steps(x)
        batch, steps, _ = x.shape
        return Spec((self.paths, batch, steps), "int32"), Spec((batch, self.paths), x.dtype)

    def run(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """Return the results of each example."""
        check_steps(spec_of(x))
        batch, steps, _ = x.shape
        labels = torch.full((self.paths, batch, steps), -1, dtype=torch.int32, device=x.device)
        scores = torch.full((batch, self.paths), float("-inf"), dtype=x.dtype, device=x.device)
        if x.is_meta:
            return labels, scores
        logs = F.log_softmax(x, -1).double().cpu()
        for b, length in enumerate(lengths.tolist()):
            found = self._searched(logs[b, : max(length, 1)])
            for path, (row, score) in enumerate(found):
                labels[path, b, : len(row)] = torch.tensor(row, dtype=torch.int32)
                scores[b, path] = score
        return labels, scores

    def _searched(self, logs: Tensor) -> list[tuple[tuple[int, ...], float]]:
        """Return the best label sequences and their scores; each beam has a probability of ending in a blank and in a
        label.
        """
        from math import inf

        beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -inf)}
        for step in logs.tolist():
            grown: dict[tuple[int, ...], tuple[float, float]] = {}
            for row, (blank, label) in beams.items():
                both = _logaddexp(blank, label)
                _add(grown, row, both + step[self.blank], -inf)
                for c, score in enumerate(step):
                    if c == self.blank:
                        continue
                    repeated = bool(row) and row[-1] == c
                    if repeated:
                        _add(grown, row, -inf, label + score)
                    _add(grown, (*row, c), -inf, (blank if repeated else both) + score)
            ranked = sorted(grown.items(), key=lambda each: -_logaddexp(*each[1]))
            beams = dict(ranked[: self.width])
        return [(row, _logaddexp(*ends)) for row, ends in list(beams.items())[: self.paths]]


def ctc_loss(
    target: TensorLike, output: TensorLike, target_length: TensorLike, output_length: TensorLike, mask_index: int = 0
) -> Tensor:
    """Return -log(probability of the labels, summed over all alignments) of each example: (batch,).

    ``target``: (batch, labels); ``output``: logits (batch, steps, classes); ``target_length`` and ``output_length``:
    (batch,); ``mask_index``: the blank class.
    """
    values = [convert_to_tensor(x) for x in (target, output, target_length, output_length)]
    values[1] = _floats(values[1])
    return CtcLoss(mask_index)(*values)


def ctc_decode(
    inputs: TensorLike,
    sequence_lengths: TensorLike,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Tensor, Tensor]:
    """Return the label sequences (paths, batch, steps), padded with -1, of logits ``inputs`` (batch, steps, classes),
    and scores.

    Scores: (batch, paths). ``strategy``: ``greedy`` takes the most probable class of each step; ``beam_search`` returns
    the ``top_paths`` best sequences of ``beam_width`` beams. Raises UsageError for another strategy.
    """
    x, lengths = _floats(convert_to_tensor(inputs)), convert_to_tensor(sequence_lengths)
    if strategy not in ("greedy", "beam_search"):
        raise UsageError(f"ctc_decode expects strategy to be greedy or beam_search, got {strategy!r}")
    op = CtcGreedyDecode(merge_repeated, mask_index)
    labels, scores = (op if strategy == "greedy" else CtcBeamDecode(beam_width, top_paths, mask_index))(x, lengths)
    return labels, scores


def check_steps(x: Spec) -> None:
    """Raise ShapeError where x is not (batch, steps, classes)."""
    if x.rank != 3:
        raise ShapeError(f"expects x with 3 axes (batch, steps, classes), got {x.rank} (x = {x})")


def _floats(x: Tensor) -> Tensor:
    dtype = spec_of(x).dtype
    return x if dtypes.is_floating(dtype) and dtypes.BYTES[dtype] > 2 else cast(x, "float32")


def _repeats(target: Tensor, lengths: Tensor) -> Tensor:
    """Return the number of labels equal to their predecessor, in each example: each needs a blank between."""
    inside = torch.arange(1, target.shape[1], device=target.device) < lengths.unsqueeze(1)
    return ((target[:, 1:] == target[:, :-1]) & inside).sum(1)


def _logaddexp(left: float, right: float) -> float:
    from math import exp, inf, log1p

    low, high = sorted((left, right))
    return high if low == -inf else high + log1p(exp(low - high))


def _add(grown: dict[tuple[int, ...], tuple[float, float]], row: tuple[int, ...], blank: float, label: float) -> None:
    from math import inf

    before = grown.get(row, (-inf, -inf))
    grown[row] = _logaddexp(before[0], blank), _logaddexp(before[1], label)
