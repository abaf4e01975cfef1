"""Any torch module as a layer, so that a published backbone takes part as it is."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from leadline.errors import UsageError
from leadline.network.layer import Layer, LayerContext, ParameterSpec, Shape, ShapeError, Tensors


@dataclass(frozen=True, eq=False)
class TorchModule(Layer):
    """A ``torch.nn.Module`` that takes one tensor (m, …) and gives one back; autograd works inside this layer alone.

    ``module`` is a module, or the name of a function without arguments that makes one: ``"package.module:function"``,
    the form in which experiment files can hold it. Its parameters' values are copied into θ, where training moves them,
    under their own names; its floating-point buffers become statistics. The module itself is never changed. Tensors of
    two and more axes are penalized.
    """

    module: nn.Module | str
    _made: nn.Module = field(init=False, repr=False)
    _shapes: dict[Shape, Shape] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        given = _imported(self.module) if isinstance(self.module, str) else self.module
        if not isinstance(given, nn.Module):
            raise UsageError(
                f"torch_module: module must be a torch.nn.Module or 'package.module:function', got {given!r}"
            )
        object.__setattr__(self, "_made", copy.deepcopy(given))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TorchModule) and self.module == other.module

    def __hash__(self) -> int:
        return hash((TorchModule, self.module))

    def __str__(self) -> str:
        shown = repr(self.module) if isinstance(self.module, str) else f"{type(self.module).__name__}(…)"
        return f"TorchModule({shown})"

    def config(self) -> dict[str, Any]:
        """The table of an experiment file, which only a module given by name has."""
        if not isinstance(self.module, str):
            raise UsageError(
                f"{self} cannot be written into an experiment file; give it as TorchModule('package.module:function')"
            )
        return {"type": self.kind(), "module": self.module}

    def output_shape(self, input_shape: Shape) -> Shape:
        """What the module makes of an example of zeros."""
        if input_shape not in self._shapes:
            module = copy.deepcopy(self._made).eval()
            like = next(iter(module.parameters()), torch.empty(0))
            try:
                with torch.no_grad():
                    y = module(torch.zeros((1, *input_shape), dtype=like.dtype, device=like.device))
            except (RuntimeError, ValueError, IndexError, TypeError) as error:
                raise ShapeError(f"the module takes no inputs of shape {input_shape}: {error}") from None
            if not isinstance(y, Tensor):
                raise ShapeError(f"the module must return one tensor, got {type(y).__name__}")
            self._shapes[input_shape] = tuple(y.shape[1:])
        return self._shapes[input_shape]

    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """The module's, by its own names, starting where they are."""
        return {
            name: ParameterSpec(tuple(tensor.shape), penalized=tensor.dim() > 1, value=tensor.detach())
            for name, tensor in self._made.named_parameters()
        }

    def statistics(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """The module's floating-point buffers, such as running means."""
        return {
            name: ParameterSpec(tuple(tensor.shape), value=tensor)
            for name, tensor in self._made.named_buffers()
            if tensor.is_floating_point()
        }

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """The module's output with the parameters of θ; in training, its graph is kept for backward."""
        self._made.train(memory.training)
        if not memory.training:
            with torch.no_grad():
                return functional_call(self._made, {**p, **memory.statistics}, (x,))
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in p.items()}
        leaf = x.detach().requires_grad_(memory.needs_input_gradient)
        with torch.enable_grad(), _seeded(memory), _frozen(memory) as statistics:
            y = functional_call(self._made, {**leaves, **statistics}, (leaf,))
        memory.kept["leaves"], memory.kept["x"], memory.kept["y"] = leaves, leaf, y
        return y.detach()

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        """Autograd through the module's own graph."""
        leaves, x = memory.kept["leaves"], memory.kept["x"]
        inputs = [*leaves.values(), *([x] if memory.needs_input_gradient else [])]
        derivatives = torch.autograd.grad(memory.kept.pop("y"), inputs, d_y, allow_unused=True)
        for name, derivative in zip(leaves, derivatives, strict=False):
            if derivative is None:
                g[name].zero_()
            else:
                g[name].copy_(derivative)
        if not memory.needs_input_gradient:
            return None
        return torch.zeros_like(x) if derivatives[-1] is None else derivatives[-1]

    @property
    def depth(self) -> int:
        """The number of the module's tensors with two and more axes: its layers with weights, were they in a row."""
        return sum(tensor.dim() > 1 for tensor in self._made.parameters())


def _imported(name: str) -> Any:
    """What the function returns that ``package.module:function`` names."""
    place, _, function = name.partition(":")
    try:
        return getattr(import_module(place), function)()
    except (ImportError, ValueError, AttributeError) as error:
        raise UsageError(
            f"torch_module: '{name}' must name a function that makes a module, 'package.module:function' ({error})"
        ) from None


@contextmanager
def _seeded(memory: LayerContext) -> Iterator[None]:
    """Noise inside the module comes from torch's own generators: seeded here from the training's, then put back."""
    if not (memory.fixed_noise and "seed" in memory.kept):
        memory.kept["seed"] = int(memory.draw(torch.empty(1, dtype=torch.float64, device=_device(memory))) * 2**53)
    devices = [] if memory.generator is None or memory.generator.device.type == "cpu" else [memory.generator.device]
    with torch.random.fork_rng(devices):
        torch.manual_seed(memory.kept["seed"])
        yield


def _device(memory: LayerContext) -> torch.device:
    return torch.device("cpu") if memory.generator is None else memory.generator.device


@contextmanager
def _frozen(memory: LayerContext) -> Iterator[Tensors]:
    """The statistics that the pass may update, or copies where it must not leave a trace."""
    if memory.fixed_noise:
        yield {name: tensor.clone() for name, tensor in memory.statistics.items()}
    else:
        yield memory.statistics
