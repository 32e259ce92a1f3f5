"""The base class of layers: constructor arguments, ``build(input_shape)`` and ``call(inputs)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from layercli import constraints, initializers, regularizers
from layercli.core import (
    argument_docs,
    build,
    call_context,
    dtypes,
    fields,
    naming,
    rematerialization,
    stateless_scope,
    tree,
)
from layercli.core.backend import get_backend
from layercli.core.call_signature import CallSignature
from layercli.core.given_values import check_aggregation
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer_dtypes import LayerDTypes
from layercli.core.layer_protocol import LayerProtocol
from layercli.core.module_attribute import ModuleAttribute
from layercli.core.name_scope import path_of
from layercli.core.refusals import refuse_members
from layercli.core.serializable import Serializable, argument_names
from layercli.core.spec import Spec, with_batch_dim
from layercli.core.symbolic_calls import SymbolicCalls
from layercli.core.tracking import Trackable
from layercli.core.types import DTypeLike, ShapeLike
from layercli.core.variable import Variable
from layercli.errors import LayercliError, NotBuiltError, UsageError


@refuse_members
class Layer(Trackable, SymbolicCalls, CallSignature, LayerDTypes, LayerProtocol, ModuleAttribute, Serializable):
    """The base class of layers: a pure Python description of a computation; ``module``, the layer module, holds its state.

    Write your own with ``__init__``, ``build(input_shape)`` that calls ``add_weight``, and ``call(inputs)``; or declare the
    arguments as fields instead of an ``__init__``. A call on a symbolic tensor describes the computation; a call on a torch tensor,
    an array or nested lists computes it.

    Args:
        name: The name of the layer; None for the class name in snake case with a number.
        trainable: Whether the variables are trained.
        dtype: The dtype or the dtype policy; None for the global policy.
        activity_regularizer: The regularizer of the output.
        input_shape: The shape of the input without the batch, for the first layer of a Sequential model.
        autocast: Whether floating-point inputs are cast to the compute dtype.
    """

    _named = False
    stateless = False
    supports_masking = False
    passes_masks = False
    _computes_mask = False
    _makes_mask = False

    if TYPE_CHECKING:  # the arguments of every layer, for the constructors that type checkers derive from fields
        _name_argument: str | None = fields.argument(default=None, kw_only=True, alias="name")
        _trainable_argument: bool = fields.argument(default=True, kw_only=True, alias="trainable")
        _dtype_argument: str | dtypes.DTypePolicy | None = fields.argument(default=None, kw_only=True, alias="dtype")
        _input_shape_argument: Any = fields.argument(default=None, kw_only=True, alias="input_shape")

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" not in cls.__dict__:
            cls._fields = {**cls._fields, **fields.fields_of(cls)}
            cls._declares_fields = True
            for name in {"activity_regularizer", "weights"} & cls.__dict__.keys():  # the defaults of fields would hide
                delattr(cls, name)  # what every layer has of that name
            if cls.__module__.startswith("layercli.layers."):
                argument_docs.document_arguments(cls, argument_names(cls))
        if "compute_mask" in cls.__dict__:
            cls._computes_mask = True
        if "build" in cls.__dict__:
            cls.build = build.as_build(cls.__dict__["build"])  # type: ignore[method-assign]  # the user's build, in a name scope

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """Make the layer and record the arguments, which are its config."""
        self = super().__new__(cls)
        vars(self).update(_init_args=(args, kwargs), _variables={}, _policy=dtypes.default_policy())
        if (remat_mode := rematerialization.current_mode()) is not None:
            self.remat_mode = remat_mode
        return self

    def __init__(
        self,
        *args: Any,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
        activity_regularizer: Any = None,
        input_shape: Any = None,
        autocast: bool = True,
        **kwargs: Any,
    ) -> None:
        if self._init_as_functional(args, {**kwargs, "name": name, "trainable": trainable, "dtype": dtype}):
            return
        given = fields.by_name(type(self), self.positional_arguments(), args)
        for key in ("name", "dtype"):
            if key in given and {"name": name, "dtype": dtype}[key] is not None:
                raise UsageError(f"{type(self).__name__} got {key} twice")
        name, dtype = given.pop("name", name), given.pop("dtype", dtype)
        if "input_dim" in kwargs and "input_dim" not in self._fields:  # in Keras, an input_shape of one axis
            input_shape = (kwargs.pop("input_dim"),)
        if activity_regularizer is not None and "activity_regularizer" in self._fields:
            kwargs["activity_regularizer"] = activity_regularizer
        self._settings = fields.bind(type(self), self._fields, given, kwargs)
        vars(self).update(self._settings)
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise UsageError(f"a layer's name is text without '/', got {name!r}")
        self._named = name is not None
        self.name = name or naming.auto_name(type(self).__name__)
        if not isinstance(trainable, bool):
            raise UsageError(f"{type(self).__name__} expects trainable to be true or false, got {trainable!r}")
        if not trainable:
            self._trainable = False
        if not autocast:
            self._autocast = False
        self._set_policy(dtypes.default_policy() if dtype is None else dtypes.DTypePolicy.named(dtype))
        regularizer = self._settings.get("activity_regularizer") or regularizers.get(activity_regularizer)
        if regularizer is not None:
            self._activity_regularizer = regularizer
        if input_shape is not None:
            self._input_shape = with_batch_dim((None, *input_shape))
        self.setup()

    _binds = __init__

    def _init_as_functional(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> bool:
        """Return whether the arguments are the inputs and outputs of a functional model, and if so initialize it: see Model."""
        return False

    def setup(self) -> None:
        """Compute attributes from the arguments; override it in a layer that declares fields, in place of ``__init__``."""

    def add_weight(
        self,
        *positional: object,
        name: str | None = None,
        shape: ShapeLike | None = None,
        initializer: Any = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        regularizer: object = None,
        constraint: object = None,
        autocast: bool = True,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        layout: tuple[int, ...] | None = None,
        persistent: bool = True,
    ) -> Variable:
        """Make a variable of this layer and return it; ``layout`` is the order in which its axes are stored.

        ``aggregation`` is Keras's; only its default has an effect here. ``overwrite_with_gradient``: an optimizer sets the variable
        to its gradient.

        The positional order is (name, shape, initializer), or (shape, initializer) as in Keras 3. The default initializer is
        ``glorot_uniform`` for a floating-point variable and zeros for others.
        """
        if positional and not isinstance(positional[0], str):
            positional = (name, *positional)
        given = {"name": name, "shape": shape, "initializer": initializer}
        given |= dict(zip(given, positional, strict=False))
        name, shape, initializer = given.values()
        call_context.check_may_grow(self)
        check_aggregation(aggregation)
        shape = () if shape is None else shape
        spec = Spec(build.known_shape(shape, name), dtypes.name_of(dtype or self._policy.variable))
        default = "glorot_uniform" if dtypes.is_floating(spec.dtype) else "zeros"
        key = (name or "variable").replace(".", "_").replace("/", "_")
        key = naming.uniquify([*self._variables, key])[-1] if key in self._variables else key
        path = path_of(self.name)
        if not call_context.call_stack():  # it is built by itself
            self.path_drawn()
        self._variables[key] = Variable.of(
            self,
            key,
            f"{path}/{key}",
            spec,
            initializers.get(initializer or default),
            trainable=trainable,
            regularizer=regularizers.get(regularizer),
            constraint=constraints.get(constraint),
            cast=self._policy.compute if autocast else None,
            layout=layout,
            persistent=persistent,
        )
        if overwrite_with_gradient:
            self._variables[key].overwrite_with_gradient = True
        if self._module is not None:
            self._module.register_variable(self._variables[key])
        return self._variables[key]

    add_variable = add_weight

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Describe the call on symbolic tensors, or compute it on tensors, arrays and nested lists; build the layer first."""
        module = self._module
        try:
            if module is not None and module.ready and not kwargs and not self._makes_mask and self._input_spec is None:
                for x in args:  # only tensors have a dtype of torch
                    if getattr(x, "dtype", None) is not module.dtype and not self._takes_unchanged(x):
                        break
                    if getattr(x, "_keras_mask", None) is not None:
                        break
                else:
                    return module(*args)
            return self._call(args, kwargs)
        except LayercliError as error:
            if not error.trail or error.trail[-1] is not self:
                error.trail.append(self)
            raise

    def _takes_unchanged(self, x: Any) -> bool:
        """Whether an ``x`` that is not of the layer's dtype needs no cast: None, (), or a torch tensor that is not floating."""
        if self._computes_mask:
            return False
        nothing = x is None or (type(x) is tuple and not x)
        return nothing or getattr(getattr(x, "dtype", None), "is_floating_point", True) is False

    def _call(self, args: tuple[object, ...], kwargs: dict[str, object]) -> Any:
        if not self.name:  # the user's __init__ does not call super().__init__
            self.name = naming.auto_name(type(self).__name__)
        if len(args) > 1:
            args = self.with_named_training(args, kwargs)
        first = args[0] if args else None
        if type(first) is SymbolicTensor or any(isinstance(x, SymbolicTensor) for x in tree.flatten((args, kwargs))):
            return self._symbolic_call(args, kwargs)
        return get_backend().call(self, args, kwargs)

    @property
    def module(self) -> Any:
        """The layer module: the torch.nn.Module that holds this layer's state and runs it. It is made on first use."""
        if self._module is None or self.is_container_only:
            if not self.built and not self._variables and not self.is_container_only:
                raise NotBuiltError(
                    f"{self.name} has no variables yet: their shapes follow from its input",
                    hint="call it on data, or build(input_shape)",
                )
            root = vars(self).pop("_root", None)
            if self._module is None and root is not None and root.built and root._module is None:
                _ = root.module
            if self._module is None or self.is_container_only:
                get_backend().build_module(self, ready=self._call_specs is not None)
        return self._module

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the outputs: that of the inputs if the layer keeps the steps (``supports_masking``)."""
        return previous_mask if self.supports_masking else None

    def add_loss(self, loss: object) -> None:
        """Add a scalar to the training loss. A loss added in ``call`` is kept until the next call."""
        if not call_context.call_stack() and isinstance(loss, SymbolicTensor):
            raise UsageError(
                f"add_loss of {self.name} got a symbolic tensor outside of a call",
                hint="call add_loss in the call of a layer of your own",
            )
        if not call_context.call_stack() and self._module is not None and not stateless_scope.add_loss(loss):
            self._module.add_loss(loss)

    @property
    def losses(self) -> list[Any]:
        """The penalties of regularized variables and the losses added in the last call, of this layer and all below."""
        if self._module is None and not self.built:
            return []
        return self.added_losses() + [
            v.regularizer(v.value) for v in self.trainable_variables if v.regularizer is not None
        ]

    def added_losses(self) -> list[Any]:
        """Return the losses added in the last call, of this layer and all below."""
        if self.is_container_only:  # each of its layers was called by itself
            return [loss for layer in self.layers for loss in layer.added_losses()]
        given = [] if self._module is None else self._module.call_state.losses
        below = {id(layer) for layer in self.layers_below()} if given else set()
        return [loss for owner, loss in given if id(owner) in below]

    def summary(
        self,
        input_shape: ShapeLike | None = None,
        *,
        columns: str | None = None,
        depth: int = 1,
        line_length: int | None = None,
        positions: object = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: object = None,
    ) -> None:
        """Print the layers, shapes and parameters as ``layercli summary`` does, for inputs of ``input_shape``.

        Of Keras's arguments ``print_fn`` gets the text in place of the terminal, ``line_length`` is its width,
        ``expand_nested`` shows all depths and ``show_trainable`` the column of trained parameters; ``positions`` and
        ``layer_range`` must be None.
        """
        if positions is not None or layer_range is not None:
            raise UsageError("summary has no positions and no layer_range: choose by columns and depth")
        inputs = None if input_shape is None else self._specs(input_shape)
        columns = columns or ("all" if show_trainable else None)
        get_backend().summarize(self, inputs, columns, 2**16 if expand_nested else depth, line_length, print_fn)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return get_backend().html(self)
