"""DTypePolicyMap: dtype policies of layers by their paths."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from layercli.core.dtypes import DTypePolicy, default_policy
from layercli.core.types import Config
from layercli.errors import UsageError


class DTypePolicyMap(DTypePolicy, MutableMapping[str, DTypePolicy]):
    """A dtype policy that differs by the path of the layer: keys are paths, or regular expressions that match whole paths.

    A layer with such a policy takes its own when it is built, as its path is known then.

    >>> policies = DTypePolicyMap("float32", {"encoder/.*": DTypePolicy("bfloat16")})
    >>> policies["encoder/dense"], policies["decoder/dense"]
    (<DTypePolicy "bfloat16">, <DTypePolicy "float32">)

    Args:
        default_policy: The policy of every other path; None for the global one.
        policy_map: Policies by path. TypeError for anything but a dict.
    """

    def __init__(self, default_policy: Any = None, policy_map: Mapping[str, Any] | None = None) -> None:
        if isinstance(default_policy, DTypePolicyMap):
            raise UsageError("the default policy of a DTypePolicyMap is no DTypePolicyMap")
        if policy_map is not None and not isinstance(policy_map, Mapping):
            raise TypeError(f"policy_map is a dict of policies by path, got {policy_map!r}")
        held = {path: DTypePolicy.named(policy) for path, policy in (policy_map or {}).items()}
        object.__setattr__(self, "_given", None if default_policy is None else DTypePolicy.named(default_policy))
        object.__setattr__(self, "_policies", held)

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of a path without one."""
        given: DTypePolicy | None = vars(self)["_given"]
        return default_policy() if given is None else given

    @property
    def _policies_by_path(self) -> dict[str, DTypePolicy]:
        found: dict[str, DTypePolicy] = vars(self)["_policies"]
        return found

    @property
    def name(self) -> str:
        """``map_`` and the name of the default policy."""
        return f"map_{self.default_policy.name}"

    @property
    def compute(self) -> str:
        """The dtype of computations of a layer that is not built yet."""
        return self.default_policy.compute

    @property
    def variable(self) -> str:
        """The dtype of variables of a layer that is not built yet."""
        return self.default_policy.variable

    @property
    def quantization_mode(self) -> str | None:
        """How the weights of a layer that is not built yet are stored."""
        return self.default_policy.quantization_mode

    def __getitem__(self, path: str) -> DTypePolicy:
        """Return the policy of a path. UsageError where several expressions match it."""
        held = self._policies_by_path
        if path in held:
            return held[path]
        matching = [pattern for pattern in held if re.fullmatch(pattern, path)]
        if len(matching) > 1:
            raise UsageError(f"the path {path!r} matches several keys of the DTypePolicyMap: {', '.join(matching)}")
        return held[matching[0]] if matching else self.default_policy

    def of_path(self, path: str) -> DTypePolicy:
        """Return the policy of the layer at a path."""
        return self[path]

    def __setitem__(self, path: str, policy: object) -> None:
        """Give a path a policy. UsageError for a path that has one."""
        if path in self._policies_by_path:
            raise UsageError(f"{path!r} has a policy in the DTypePolicyMap already: {self._policies_by_path[path]}")
        self._policies_by_path[path] = DTypePolicy.named(policy)

    def __delitem__(self, path: str) -> None:
        del self._policies_by_path[path]

    def __contains__(self, path: object) -> bool:
        return path in self._policies_by_path

    def __len__(self) -> int:
        return len(self._policies_by_path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies_by_path)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicyMap) and self.get_config() == other.get_config()

    __hash__ = None  # type: ignore[assignment]  # it can change

    def get_config(self) -> Config:
        """Return the arguments of the constructor as plain data."""
        from layercli.core.policy_config import serialize

        given = vars(self)["_given"]
        policies = {path: serialize(policy) for path, policy in self._policies_by_path.items()}
        default = given.name if type(given) is DTypePolicy else None if given is None else serialize(given)
        return {"default_policy": default, "policy_map": policies}

    def __repr__(self) -> str:
        pairs = ", ".join(f"{path!r}: {policy.name!r}" for path, policy in self._policies_by_path.items())
        return f"<DTypePolicyMap default_policy={self.default_policy.name}, mapping={{{pairs}}}>"
