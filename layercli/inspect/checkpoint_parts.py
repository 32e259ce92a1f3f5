"""The parts of a trainer's checkpoint: which tensors are the model's, and which are the state of optimizer, generators and loops.

A checkpoint is a dict of dicts; ``/`` separates their keys. The parts named after what a trainer keeps (``STATE``) are training
state, and the rest is the model. Prefixes that wrappers of a whole module add to every name (``module.``) are left out by
``without_wrappers``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from layercli.formats.weight_file import TensorEntry

STATE = re.compile(
    r"(optimi[sz]ers?|optim|opt|rng|random|lr_schedulers?|schedulers?|loops?|callbacks?|scaler|grad_scaler|amp|metrics?|"
    r"loss|losses|epoch|step|datamodule)(_state(s|_dict)?|_states?|_dict)?|.*_(optimizers?|optim|opt|scheduler|scaler)"
    r"(_state|_states|_dict|_state_dict)?|(.*_)?(rng|random)_states?(_.*)?|NativeMixedPrecision.*|MixedPrecision.*",
    re.IGNORECASE,
)
"""The keys under which trainers keep what is not the model."""
OPTIMIZER = re.compile(
    r"(.*/)?state/\d+/(step|exp_avg\w*|max_exp_avg_sq|momentum_buffer|square_avg|acc_delta|sum|prev|n?u_prod\w*)"
)
"""The entries of the state of an optimizer of torch, under whichever key: ``torch.save((model, optimizer))`` has none."""
MODEL = ("state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "weights", "params")
"""The keys under which trainers keep the model; of several the first counts, and others are copies, as averaged weights are."""
ATTRIBUTE = "model."
"""What every name begins with where a LightningModule holds the model as ``self.model``."""
KERAS = ("optimizer/vars/", "optimizer_weights/")
"""Where Keras's files of weights keep the optimizer."""
WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""What DataParallel, torch.compile, FSDP and activation checkpointing put into names."""


def training_state(paths: Iterable[str], dicts: Collection[str] = ()) -> set[str]:
    """Return those of ``paths`` that are training state; none unless something else is left.

    ``dicts`` are the dicts of a torch checkpoint; in another file only the optimizer of a Keras model is training state.

    >>> sorted(training_state(["state_dict/a.weight", "optimizer/state/0/step"], ["state_dict", "optimizer/state/0"]))
    ['optimizer/state/0/step']
    """
    paths = list(paths)
    if any(dicts):
        found = {path for path in paths if STATE.fullmatch(path.partition("/")[0]) or OPTIMIZER.fullmatch(path)}
    else:
        found = {path for path in paths if path.startswith(KERAS)}
    return found if len(found) < len(paths) else set()


def model_entries(
    entries: Mapping[str, TensorEntry], dicts: Collection[str] = (), *, lightning: bool = False
) -> tuple[dict[str, TensorEntry], set[str], list[str]]:
    """Return the entries of the model in a checkpoint by their names in it, the paths left out, and sentences that say so.

    ``lightning``: the names are those of a LightningModule, which keeps the model as its attribute.
    """
    part = model_key(dicts)
    out, notes = left_out(entries, dicts)
    prefix = f"{part}/"
    kept = {path.removeprefix(prefix): entry for path, entry in entries.items() if path not in out}
    names, prefix = without_wrappers(kept)
    if prefix:
        notes.append(f"names are shown without {prefix}, which wrappers of the model add")
    if lightning and names and all(name.startswith(ATTRIBUTE) for name in names):
        names = [name.removeprefix(ATTRIBUTE) for name in names]
        notes.append(f"names are shown without {ATTRIBUTE}, the attribute of the LightningModule that holds the model")
    own = {entry.path: name for name, entry in zip(names, kept.values(), strict=True)}
    found = {
        name: entry
        if name == entry.path and (entry.same_as is None or own.get(entry.same_as) == entry.same_as)
        else entry._replace(path=name, same_as=own.get(entry.same_as) if entry.same_as else None)
        for name, entry in zip(names, kept.values(), strict=True)
    }
    return found, out, notes


def model_key(dicts: Collection[str]) -> str | None:
    """Return the key under which a checkpoint of these dicts keeps the model; None if it is no checkpoint of a trainer."""
    tops = {path.partition("/")[0] for path in dicts}
    return next((key for key in MODEL if key in tops), None)


def left_out(entries: Mapping[str, TensorEntry], dicts: Collection[str] = ()) -> tuple[set[str], list[str]]:
    """Return the paths in a checkpoint that are not the model's, and sentences that say so."""
    out, part = training_state(entries, dicts), model_key(dicts)
    notes = [sentence(out, entries, "training state")] if out else []
    if part is not None:
        others = {path for path in entries if path not in out and not path.startswith(f"{part}/")}
        notes += [sentence(others, entries, f"beside {part}")] if others else []
        out |= others
    return out, notes


def sentence(paths: Iterable[str], entries: Mapping[str, TensorEntry], what: str) -> str:
    """Return the sentence about entries that are left out."""
    keys = sorted({path.partition("/")[0] for path in paths})
    paths = {entries[path].same_as or path for path in paths}
    shown = ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")
    size = sum(entries[path].bytes for path in paths)
    return f"{what}, not counted: {shown} ({len(paths):,} tensor{'s' * (len(paths) > 1)}, {size:,} bytes)"


def without_wrappers(names: Iterable[str]) -> tuple[list[str], str]:
    """Return names without what wrappers add, and what that is; names unchanged and "" where there is nothing, or where two meet.

    ``module.`` counts where every name begins with it; the others anywhere.

    >>> without_wrappers(["module._orig_mod.a.weight", "module._orig_mod.b"])
    (['a.weight', 'b'], 'module._orig_mod.')
    >>> without_wrappers(["module.a", "b"])
    (['module.a', 'b'], '')
    """
    names = list(names)
    bare, found = names, []
    outer = f"{WRAPPERS[0]}."
    while True:
        wrapper = outer if bare and all(name.startswith(outer) for name in bare) else inner_wrapper(bare)
        if wrapper is None:
            break
        bare = [re.sub(rf"(^|(?<=\.)){re.escape(wrapper)}", "", name, count=wrapper == outer) for name in bare]
        found.append(wrapper)
    if not found or len(set(bare)) < len(bare) or not all(bare):
        return names, ""
    return bare, "".join(found)


def inner_wrapper(names: Iterable[str]) -> str | None:
    """Return a wrapper that may be anywhere in a name, and is in some of ``names``; None if there is none."""
    steps = {step for name in names for step in name.split(".")[:-1]}
    return next((f"{wrapper}." for wrapper in WRAPPERS[1:] if wrapper in steps), None)
