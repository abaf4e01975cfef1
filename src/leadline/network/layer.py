"""What a layer is: a frozen value that states its shapes and parameters and binds equations to named tensors.

To write a layer of your own, subclass `Layer` as a frozen dataclass and give it `output_shape`, `parameters`,
`forward` and `backward`; it is then trained, checked, saved and read from experiment files like those that come
with Leadline.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from functools import cache
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from leadline.equations.convolution import Pair, Window
from leadline.errors import LeadlineError, UsageError, nearest
from leadline.extensions import Extension, Registry, registry, snake_case

Shape = tuple[int, ...]
Tensors = dict[str, Tensor]
OverSteps = Literal["fixed", "any", "removed"]


class Tree(dict[str, Tensor]):
    """Tensors by name, where the name of one that belongs to a layer inside a layer is a path: ``body.0.weight``."""

    def __init__(self, tensors: Mapping[str, Tensor] | None = None) -> None:
        super().__init__(tensors or {})
        self._branches: dict[str, Tensors] = {}

    def branch(self, path: str) -> Tensors:
        """The tensors under a path by their names there: ``weight`` under ``body.0``; looked up once."""
        inner_tree = self._branches.get(path)
        if inner_tree is None:
            inner = {name.removeprefix(f"{path}."): t for name, t in self.items() if name.startswith(f"{path}.")}
            inner_tree = self._branches[path] = Tree(inner)
        return inner_tree


def branch(tensors: Tensors, path: str) -> Tensors:
    """`Tree.branch`, for any dictionary."""
    return (tensors if isinstance(tensors, Tree) else Tree(tensors)).branch(path)


class ShapeError(LeadlineError):
    """Shapes that do not fit; the message names the layer, what it got and what it expects."""


@dataclass(frozen=True)
class ParameterSpec:
    """One named tensor of a layer: its shape and how it starts, N(fill, std²), or at ``value`` where that is given.

    Penalties (L1, L2, decoupled decay) act on ``penalized`` parameters: weights, not biases or norm parameters.
    """

    shape: Shape
    fill: float = 0.0
    std: float = 0.0
    penalized: bool = False
    value: Tensor | None = field(default=None, compare=False, repr=False)


@dataclass
class LayerContext:
    """What one layer remembers between its forward and its backward pass, and the buffers it reuses from step to step.

    ``kept`` holds what backward needs. ``statistics`` are the layer's untrained tensors (running means). ``weights``,
    of shape (m,) or (P, m), is 0 for rows that only pad a short batch of a population; None when every row counts.
    ``dropout`` is the part of every dropout layer's 1 − keep_prob that holds now, a number or (P, 1, 1).
    ``settings`` overrule fields of the layer with a tensor of one value for each member of a population.
    ``lengths``, int64 (m,), say how many steps of each sequence count, None all of them; ``trim`` lets the first layer
    leave out steps that are padding in the whole batch. Where not ``needs_gradients``, nobody asks for the derivatives
    by the parameters, and layers for which these take long may leave them out.
    """

    training: bool = False
    needs_input_gradient: bool = True
    needs_gradients: bool = field(default=True, kw_only=True)
    generator: torch.Generator | None = None
    statistics: Tensors = field(default_factory=dict)
    weights: Tensor | None = None
    fixed_noise: bool = False
    dropout: float | Tensor = 1.0
    settings: dict[str, Any] = field(default_factory=dict)
    lengths: Tensor | None = None
    trim: bool = False
    kept: dict[str, Any] = field(default_factory=dict)
    _buffers: dict[tuple[str, Shape], Tensor] = field(default_factory=dict, repr=False)
    _inner: dict[str, LayerContext] = field(default_factory=dict, repr=False)

    def buffer(self, name: str, shape: Shape, like: Tensor) -> Tensor:
        """An uninitialized tensor of that shape, the same memory at every step: large allocations cost page faults.

        Images, of 4 axes, lie channels last: all channels of a pixel together, as convolution kernels like them.
        """
        tensor = self._buffers.get((name, shape))
        if tensor is None:
            order = torch.channels_last if len(shape) == 4 else torch.contiguous_format
            tensor = torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=order)
            self._buffers[name, shape] = tensor
        return tensor

    def inner(self, path: str) -> LayerContext:
        """The memory of a layer inside this one, whose tensors' names begin with ``path``; made at its first use."""
        memory = self._inner.get(path)
        if memory is None:
            memory = self._inner[path] = LayerContext(statistics=branch(self.statistics, path))
        memory.training, memory.generator, memory.needs_gradients = self.training, self.generator, self.needs_gradients
        memory.weights, memory.fixed_noise, memory.dropout = self.weights, self.fixed_noise, self.dropout
        return memory

    def draw(self, out: Tensor) -> Tensor:
        """Fill ``out`` with the next uniform draws from [0, 1), in place."""
        return torch.rand(out.shape, generator=self.generator, out=out)


class Layer(Extension, ABC, kind="layer"):
    """A layer as a value: hyper-parameters only. Shapes exclude the batch axis."""

    @classmethod
    def kind(cls) -> str:
        """The name in experiment files: the class name in snake case."""
        return snake_case(cls.__name__)

    @classmethod
    def registered_name(cls) -> str:
        """Its kind: a field of a layer may be called ``name``."""
        return cls.kind()

    @abstractmethod
    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of one example after this layer; raises `ShapeError` when ``input_shape`` does not fit."""

    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """The trained tensors by name."""
        return {}

    def statistics(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """The tensors that training updates by other means than the gradient, by name."""
        return {}

    @abstractmethod
    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """Compute the output from ``x`` and the parameters ``p``, keeping in ``memory`` what backward needs."""

    @abstractmethod
    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        """Write the gradients of the parameters into ``g`` and return the derivative by the input.

        Called at most once after each forward pass, so that what was kept can be let go of: memory that was just in use
        is the fastest there is. ``d_y`` may be overwritten. None may be returned when
        ``memory.needs_input_gradient`` is False.
        """

    def activation_values(self, input_shape: Shape) -> int:
        """How many values the outputs of one example take: the layer's own, and those of layers inside it."""
        return math.prod(self.output_shape(input_shape))

    def flops(self, input_shape: Shape) -> int:
        """Floating-point operations of the forward pass for one example; a multiply-add counts as two."""
        return 0

    @property
    def depth(self) -> int:
        """How many layers with weights lie one after another in this one."""
        return 0

    # ----- what can be done with the layer: asked of it wherever networks are changed, so that layers of a user's own
    # take part as soon as they answer

    axes: ClassVar[int | None] = None
    """How many axes an example has that the layer takes: 1 for vectors, 3 for images; None for any."""

    @property
    def n_outputs(self) -> int | None:
        """Its units or filters; None for a layer that has as many outputs as its input asks for."""
        return None

    def with_outputs(self, n: int) -> Layer:
        """The layer with so many units or filters; only for one that has `n_outputs`."""
        raise UsageError(f"{self} has no units or filters of its own that could be changed")

    def widened(self, factor: float, input_widened: bool) -> Layer | None:
        """The layer ``factor`` times as wide, itself where it only follows its input; None where it cannot be.

        ``input_widened`` says whether its input is ``factor`` times as wide as before. Layers with weights whose author
        has not said how cannot be.
        """
        if self.n_outputs is not None:
            return self.with_outputs(scaled(self.n_outputs, factor))
        return None if self.depth else self

    @property
    def frozen(self) -> bool:
        """Whether training leaves its tensors as they are."""
        return False

    def without_activation(self) -> tuple[Layer, ...]:
        """What is left without the activation, which then may follow as a layer of its own; starts stay as they are."""
        if getattr(self, "activation", "linear") == "linear":
            return (self,)
        return (replace(self, activation="linear"),)  # type: ignore[type-var]  # every concrete layer is a dataclass

    def without_bias(self) -> Layer:
        """The layer without a bias that it only has by default: what follows adds one of its own."""
        return self

    @property
    def adds_bias(self) -> bool:
        """Whether it subtracts the mean of what it gets and adds a learnt shift: a bias before it is redundant."""
        return False

    @property
    def draws(self) -> bool:
        """Whether a pass in training draws random numbers."""
        return False

    member_fields: ClassVar[Mapping[str, Any]] = {}
    """Fields in which the members of a population may differ, each with the value that stands for all of them."""

    @property
    def in_population(self) -> Layer | None:
        """The layer that computes for all members of a population at once, on vectors (P, m, n); None: there is none.

        It is the layer itself where its equations take an axis of members in front of the others. Another one takes
        the place of a layer that only stands first, since a population's examples are vectors already.
        """
        return None

    def forward_transposed(self, p: Tensors, x: Tensor, memory: LayerContext, out: Tensor) -> Tensor:
        """`forward` of a population's output layer into ``out``, a view (P, m, k) of memory (P, k, m)."""
        return out.copy_(self.forward(p, x, memory))

    @classmethod
    def says(cls, method: str) -> bool:
        """Whether what ``method`` says is about this class's `forward`: not where a class below has another one."""
        for base in cls.__mro__:
            if method in vars(base):
                return True
            if "forward" in vars(base):
                return False
        return False

    def onnx(self, export: Any, value: str) -> str:
        """Add the layer, as it predicts, to an ONNX graph, and return the name of its output for ``value``.

        ``export`` is a `leadline.export.onnx_layers.LayerExport`: its ``tensor("weight")`` is a constant, its
        ``graph.add("Relu", value)`` an operator. Raises `LeadlineError` where the layer does not say how.
        """
        raise LeadlineError(
            f"{export.place} {self} cannot be exported: its class has no method onnx, which ONNX needs in place of "
            "Python code. Write one, or train with Leadline's own layers."
        )

    def least_batch(self, input_shape: Shape) -> int:
        """How many examples a batch needs at least for training."""
        return 1

    def receptive_window(self, input_shape: Shape) -> tuple[Pair, Window] | None:
        """The size of the window that it moves over images, and how it moves; None for a layer that has none."""
        return None

    # ----- sequences

    @property
    def over_steps(self) -> OverSteps:
        """What it does with sequences (m, steps, …): takes as many steps as it was made for, takes any number of them,
        or takes any number and leaves none.
        """
        return "fixed"

    def input_lengths(self, x: Tensor) -> Tensor | None:
        """How many steps of each sequence of a network's inputs ``x`` count, where this first layer can tell."""
        return None

    def output_lengths(self, memory: LayerContext) -> Tensor | None:
        """How many steps of each of its outputs count, after a forward pass; see `LayerContext.lengths`."""
        return memory.lengths if self.over_steps == "any" else None

    @property
    def needs_output(self) -> bool:
        """Whether the output must stay as it is until backward; if not, who receives it may overwrite it."""
        return True

    @property
    def overwrites_derivative(self) -> bool:
        """Whether backward may overwrite ``d_y``; a caller that needs it once more then keeps a copy."""
        return self.needs_output

    def __str__(self) -> str:
        """As short as Python takes it: ``Dense(64, activation='relu')``."""
        shown = []
        for item in fields_of(type(self)):
            value = getattr(self, item.name)
            if item.default is MISSING and not item.kw_only:
                shown.append(_text(value))
            elif item.default is MISSING or value != item.default:
                shown.append(f"{item.name}={_text(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def config(self) -> dict[str, Any]:
        """The layer as a table of an experiment file: its kind, and the fields that differ from their defaults."""
        table: dict[str, Any] = {"type": LAYERS.name_of(self)}
        for item in fields_of(type(self)):
            value = getattr(self, item.name)
            if item.default is MISSING or value != item.default:
                table[item.name] = _plain(value)
        return table


LAYERS: Registry[type[Layer]] = registry("layer")
"""The layers by their names in experiment files."""


@cache
def fields_of(kind: type[Layer]) -> tuple[Field[Any], ...]:
    """A layer's hyper-parameters; kept, since a search asks for them at every trial."""
    return fields(kind)  # type: ignore[arg-type]  # every concrete layer is a dataclass


def is_number(value: object) -> bool:
    """Whether a hyper-parameter is a number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def scaled(width: int, factor: float) -> int:
    """A width, ``factor`` times as large: a whole number of at least 1. Equal widths stay equal."""
    return max(1, round(width * factor))


def layer_from_config(table: dict[str, Any]) -> Layer:
    """Build a layer from a table such as ``{"type": "dense", "units": 64}``; wrong ones are `UsageError`s."""
    if not isinstance(table, Mapping):
        raise UsageError(f'a layer is a table such as {{type = "dense", units = 64}}, got {table!r}')
    values = dict(table)
    kind = values.pop("type", None)
    if kind is None:
        raise UsageError(f"a layer needs a type, got {table}.{nearest('', LAYERS)}")
    cls = LAYERS.lookup(kind)
    given = [item for item in fields_of(cls) if item.init]
    names = [item.name for item in given]
    for name in values:
        if name not in names:
            raise UsageError(f"unknown key '{name}' of layer type '{kind}'.{nearest(name, names)}")
    missing = [item.name for item in given if item.default is MISSING and item.name not in values]
    if missing:
        raise UsageError(f"layer type '{kind}' needs the key '{missing[0]}'")
    return cls(**{name: _from_plain(value, f"{kind}.{name}") for name, value in values.items()})


def _text(value: object) -> str:
    """A field's value as Python takes it; layers inside as short as alone."""
    if isinstance(value, tuple) and any(isinstance(part, Layer | tuple) for part in value):
        return f"[{', '.join(_text(part) for part in value)}]"
    return str(value) if isinstance(value, Layer) else repr(value)


def _plain(value: object) -> object:
    """A field's value as an experiment file takes it."""
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value.config() if isinstance(value, Layer) else value


def _from_plain(value: object, place: str) -> object:
    """Lists become tuples, at any depth, and tables of a list the layers they describe."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    parts = []
    for i, part in enumerate(value):
        try:
            parts.append(layer_from_config(part) if isinstance(part, dict) else _from_plain(part, f"{place}[{i}]"))
        except UsageError as error:
            raise UsageError(f"{place}[{i}]: {error}") from None
    return tuple(parts)
