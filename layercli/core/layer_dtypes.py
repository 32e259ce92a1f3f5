"""The dtypes of a layer: of its variables, of its computation, and the policy that both follow from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercli.core import dtypes
from layercli.core.dtype_policy_map import DTypePolicyMap
from layercli.core.name_scope import path_of
from layercli.errors import UsageError

if TYPE_CHECKING:
    from layercli.core.variable import Variable


class LayerDTypes:
    """A layer with a dtype policy, or with policies by path, of which it takes its own once its path is known."""

    if TYPE_CHECKING:
        name: str
        _variables: dict[str, Variable]

    _policy: dtypes.DTypePolicy
    _given_policy: dtypes.DTypePolicy | None = None
    """The policies by path that were given, of which ``_policy`` is the layer's own once it is built."""

    @property
    def variable_dtype(self) -> str:
        """The dtype of its variables."""
        return self._policy.variable

    @property
    def dtype(self) -> str:
        """The dtype of its variables."""
        return self._policy.variable

    @property
    def compute_dtype(self) -> str:
        """The dtype of its computation; floating-point inputs are cast to it."""
        return self._policy.compute

    @property
    def input_dtype(self) -> str:
        """The dtype that floating-point inputs are cast to."""
        return self._policy.compute

    @property
    def quantization_mode(self) -> str | None:
        """How the weights are stored, of a quantized layer: int8, int4 or float8; None of others."""
        return self._policy.quantization_mode

    @property
    def dtype_policy(self) -> dtypes.DTypePolicy:
        """The dtype policy: the dtypes of computation and variables, or policies by path. Set it before the layer is built."""
        return self._given_policy or self._policy

    @dtype_policy.setter
    def dtype_policy(self, value: object) -> None:
        if self._variables:
            raise UsageError(f"{self.name} has its variables, so its dtype policy cannot change")
        self._set_policy(dtypes.DTypePolicy.named(value))

    def _take_policy(self) -> None:
        """Take, of policies by path, the one of this layer, whose path is known while it is called or built."""
        assert self._given_policy is not None
        if not self._variables:
            self._policy = self._given_policy.of_path(path_of(self.name))

    def _set_policy(self, policy: dtypes.DTypePolicy) -> None:
        self._policy = policy
        if isinstance(policy, DTypePolicyMap) or self._given_policy is not None:
            self._given_policy = policy if isinstance(policy, DTypePolicyMap) else None
