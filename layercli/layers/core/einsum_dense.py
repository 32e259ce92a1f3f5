"""EinsumDense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli import initializers, ops
from layercli.core.input_spec import InputSpec
from layercli.core.spec import Shape, shape_of
from layercli.core.types import Config, Tensor
from layercli.errors import ShapeError, UsageError
from layercli.layers.core import quantized
from layercli.layers.core.quantized import QuantizedMixin
from layercli.layers.core.weight_form import WeightForm, einsum_form
from layercli.layers.validators import Activation, Constraint, Initializer, Regularizer
from layercli.ops.nn.quantized import RoundTrip, spelled_out
from layercli.ops.numpy.einsum import Einsum


class EinsumDense(QuantizedMixin):
    """out = activation(einsum(equation, x, kernel) + bias): ``EinsumDense("abc,cd->abd", (None, 64), bias_axes="d")``.

    Args:
        equation: The einsum equation; "..." stands for axes that x and out share.
        output_shape: The shape of out without the batch; None for a size that x determines.
        bias_axes: The letters of out along which the bias varies; None for no bias.
        gptq_unpacked_column_size: Accepted for Keras's sake; it has no effect.
    """

    equation: Any
    output_shape: Any
    activation: Activation = None
    bias_axes: Any = None
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    bias_constraint: Constraint = None
    lora_rank: Any = None
    lora_alpha: Any = None
    gptq_unpacked_column_size: Any = None
    quantization_config: quantized.Config = None

    _left_out = QuantizedMixin._left_out | {"gptq_unpacked_column_size"}
    multiplies = True
    stored_order = (
        "kernel",
        "bias",
        *quantized.FLOAT8[:2],
        "kernel_scale",
        *quantized.FLOAT8[3:],
        "kernel_zero",
        "awq_scales",
        "g_idx",
    )

    def setup(self) -> None:
        """Make the op."""
        wanted = self.output_shape
        self.output_shape = tuple(wanted) if isinstance(wanted, (list, tuple)) else (wanted,)
        self.op = Einsum(self.equation)
        _, _, out = self.op.terms
        wrong = set(self.bias_axes or "") - set(out)
        if wrong:
            raise UsageError(f"EinsumDense expects bias_axes to be letters of {out}, got {self.bias_axes!r}")

    def build(self, input_shape: Shape) -> None:
        """Make the kernel, its sizes those of its letters in out or in x, and the bias from its first axis on."""
        inputs, kernel, out = self.op.terms
        given = self._letters(inputs, input_shape)
        sizes = {**given, **self._outputs(out, given)}
        self._sizes, self._rank = tuple(sizes[letter] for letter in kernel), len(input_shape)
        mode = self.quantization_mode
        if mode not in (None, "float8"):
            self.quantized_build(self._sizes, mode, self.quantization_config)
        else:
            self.kernel = self.add_weight(
                "kernel",
                self._sizes,
                initializers.with_axes(self.kernel_initializer, *self._fans()),
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
            )
        self.bias = None
        if self.bias_axes is not None:
            self.bias = self.add_weight(
                "bias",
                self._bias_shape(out, sizes, len(input_shape) - len(given)),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        if mode == "float8":
            self.quantized_build(self._sizes, mode)
        self.maybe_enable_lora()

    def _expected_input(self, shape: Shape | None) -> InputSpec | None:
        return InputSpec(ndim=len(shape)) if shape else None

    def _fans(self) -> tuple[list[int], list[int]]:
        """Return the axes of the kernel that count inputs, those summed, and the axes that count outputs, those of out."""
        _, kernel, out = self.op.terms
        outputs = [axis for axis, letter in enumerate(kernel) if letter in out]
        return [axis for axis in range(len(kernel)) if axis not in outputs], outputs

    def _letters(self, term: str, shape: Shape) -> dict[str, Any]:
        """Return the size of each letter of the inputs."""
        letters = term.replace("...", "")
        if len(shape) < len(letters) or (len(shape) > len(letters) and "..." not in term):
            raise ShapeError(f"expects x with {len(letters)} axes for {self.equation}, got {len(shape)}")
        part = shape[-len(letters) :] if term.startswith("...") else shape[: len(letters)]
        return dict(zip(letters, part, strict=True))

    def _outputs(self, out: str, given: Config) -> dict[str, Any]:
        """Return the size of each letter of the outputs that ``output_shape`` gives and x does not."""
        letters = out[3:] if out.startswith("...") else out.replace("...", "")[1:]
        sizes = zip(reversed(letters), reversed(self.output_shape), strict=False)
        return {letter: size for letter, size in sizes if size is not None and letter not in given}

    def _bias_shape(self, out: str, sizes: Mapping[str, object], elided: int) -> Shape:
        """Return the sizes of the bias's letters and 1 for what is between and after them."""
        letters = out.replace("...", "")
        first = min(letters.index(letter) for letter in self.bias_axes)
        after = (1,) * elided if out.endswith("...") else ()
        return shape_of((*(sizes[x] if x in self.bias_axes else 1 for x in letters[first:]), *after))

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        if self.is_quantized:
            x = self._quantized(inputs)
        else:
            kernel = self.kernel if self._lora is None else self.lora_value()
            x = self.op(inputs, kernel, self.bias)
        return x if self.activation is None else self.activation(x)

    def weight_forms(self) -> tuple[WeightForm, ...]:
        """Return the form of the kernel: one scale for each combination of its axes that are in out."""
        _, kernel, out = spelled_out(self.equation, self._rank)
        return (einsum_form(self._sizes, kernel, out),)

    def _quantized(self, inputs: Tensor) -> Tensor:
        """Return the outputs before the activation, by the integers of the kernel or in float8."""
        if self.quantization_mode == "float8":
            return self.float8_product(inputs, self.equation, self.bias)
        (form,), quantizer = self.stored_forms(), self._inputs_quantizer(self.quantization_mode == "int8")
        x = inputs
        if self.quantization_mode == "int4" and quantizer is not None:
            letters, _, out = spelled_out(self.equation, self._rank)
            summed = tuple(axis for axis, letter in enumerate(letters) if letter not in out)
            x, quantizer = RoundTrip(summed, quantizer.value_range, quantizer.epsilon)(x), None
        x = self.product(x, self.equation, form, quantizer)
        x = self.with_lora(x, inputs, lambda inputs, a: ops.einsum(self.equation, inputs, a))
        outputs: Tensor = x if self.bias is None else x + self.bias
        return outputs
