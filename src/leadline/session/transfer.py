"""Transfer learning: a trained network without its output layer, a new one, and how much of it stays frozen.

Source: course 3, learning from multiple tasks; course 4, practical advice for using convolutional networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from leadline.errors import LeadlineError, UsageError
from leadline.network import (
    Dense,
    GlobalAveragePool,
    Layer,
    Network,
    Parameters,
    Shape,
)
from leadline.network.frozen import Frozen
from leadline.session.pretrained import Pretrained, Source, copy_layers
from leadline.text import grouped

if TYPE_CHECKING:
    from leadline.experiment import NetworkSection
    from leadline.training import TrainingSettings

FEW, MANY = 1_000, 10_000


def automatic_freeze(m: int, network: Network, kept: int) -> int:
    """How many of the ``kept`` layers stay frozen where the new task has ``m`` training examples.

    All of them below 1 000: so few examples determine the weights of an output layer, but would bend millions of others
    to fit themselves. The first half of the layers with weights below 10 000: what the first layers see, edges and
    textures, serves most tasks, and what the last ones see is the source's own. None from there on: that many examples
    improve every layer, and the source is a good place to start from. On CIFAR-10 (`benchmarks/transfer.py`) all was
    the best with 100 examples, and the first half with 1 000; the upper limit is the field's habit, not measured here.
    """
    if m < FEW:
        return kept
    if m >= MANY:
        return 0
    half, deep = sum(layer.depth for layer in network.layers[:kept]) // 2, 0
    for i, layer in enumerate(network.layers[:kept]):
        if layer.depth and deep >= half:
            return i  # what follows a layer, such as its batch normalization, goes with it
        deep += layer.depth
    return kept


def feature_cut(network: Network, input_shape: Shape, frozen: int, kept: int) -> int:
    """How many first layers compute the features: up to the last of the ``frozen`` ones that has weights, and those of
    the ``kept`` ones behind it that always do the same.
    """
    shapes, layers = network.shapes(input_shape), network.layers
    cut = max((i + 1 for i in range(frozen) if layers[i].parameters(shapes[i])), default=0)
    while 0 < cut < kept and _does_the_same(layers[cut], shapes[cut]):
        cut += 1
    return cut


def _does_the_same(layer: Layer, input_shape: Shape) -> bool:
    """Whether a layer computes the same in every pass: it has nothing that training moves, and draws nothing."""
    return not (layer.parameters(input_shape) or layer.statistics(input_shape) or layer.draws)


@dataclass(frozen=True, eq=False)
class Transfer:
    """A network that takes over its first layers from a source, the first of them frozen.

    Attributes:
        source: where they come from.
        pretrained: the source's network.
        network: the new one, the new head included.
        kept: how many layers are taken over.
        frozen: how many of these training leaves as they are.

    """

    source: Source
    pretrained: Pretrained
    network: Network
    kept: int
    frozen: int

    @property
    def input_shape(self) -> Shape:
        """One prepared example's."""
        return self.pretrained.input_shape

    @property
    def cut(self) -> int:
        """How many layers compute the features: up to the last frozen one with weights, and those that then always do
        the same. Dropout behind the frozen layers goes on.
        """
        return feature_cut(self.network, self.input_shape, self.frozen, self.kept)

    @property
    def features(self) -> Network:
        """The layers that compute the features."""
        return Network(self.network.layers[: self.cut])

    @property
    def rest(self) -> Network:
        """The layers that are trained on the features."""
        return Network(self.network.layers[self.cut :])

    @property
    def feature_shape(self) -> Shape:
        """One example's features."""
        return self.network.shapes(self.input_shape)[self.cut]

    @property
    def n_trained(self) -> int:
        """How many numbers are trained."""
        return self.rest.layout(self.feature_shape).n

    def to_json(self) -> dict[str, Any]:
        """Where the layers come from and how many of them there are, as plain values."""
        return {
            "source": self.source.name,
            "place": self.source.place,
            "checksum": self.source.checksum,
            "source_examples": self.pretrained.n_train,
            "layers_taken_over": self.kept,
            "layers_frozen": self.frozen,
            "parameters_trained": self.n_trained,
            "parameters": self.network.layout(self.input_shape).n,
        }

    def start(self, settings: TrainingSettings) -> Parameters:
        """The whole network's parameters: those taken over, and the others at their random start."""
        whole = self.network.initialize(
            self.input_shape, settings.seed, settings.dtype, settings.device, settings.generator
        )
        copy_layers(self.pretrained.parameters, whole, n=self.kept)
        return whole

    def feature_parameters(self, whole: Parameters) -> Parameters:
        """Those of `features`, as copies."""
        return self.first_parameters(self.features, whole)

    def first_parameters(self, layers: Network, whole: Parameters) -> Parameters:
        """Those of the first ``layers`` of the network, as copies."""
        made = _empty(layers, self.input_shape, whole)
        copy_layers(whole, made, n=len(layers))
        return made

    def rest_parameters(self, whole: Parameters) -> Parameters:
        """Those of `rest`, as copies: what is trained, in one vector."""
        made = _empty(self.rest, self.feature_shape, whole)
        copy_layers(whole, made, first=self.cut)
        return made

    def in_loop(self, whole: Parameters) -> tuple[Network, Parameters]:
        """The network with its features computed anew for each batch, and its parameters; θ is that of `rest`."""
        network = Network([Frozen(self.features.layers), *self.rest.layers])
        made = _empty(network, self.input_shape, whole)
        copy_layers(whole, made, first=self.cut, at=1)
        features = self.feature_parameters(whole)
        for i, tensors in enumerate(features.layers):
            for name, tensor in {**tensors, **features.statistics[i]}.items():
                made.statistics[0][f"body.{i}.{name}"].copy_(tensor)
        return network, made

    def whole(self, trained: Parameters, settings: TrainingSettings) -> Parameters:
        """The whole network's parameters from those that were trained; whole ones are given back as they are."""
        n = trained.layout.n_layers
        if n == len(self.network):
            return trained
        whole = self.start(settings)
        copy_layers(trained, whole, first=n - len(self.rest), at=self.cut)
        return whole


def _empty(network: Network, input_shape: Shape, like: Parameters) -> Parameters:
    theta = like.theta
    layout = network.layout(input_shape)
    statistics = network.statistics(input_shape, theta.dtype, theta.device)
    return Parameters(layout, torch.zeros(layout.n, dtype=theta.dtype, device=theta.device), statistics)


def describe_transfer(transfer: Transfer) -> str:
    """What was taken over, and how much of it is trained."""
    total = transfer.network.layout(transfer.input_shape).n
    layers = "layer is" if transfer.kept == 1 else "layers are"
    return (
        f"{transfer.kept} {layers} taken over from {transfer.source.name}, {transfer.frozen or 'none'} of them frozen: "
        f"{grouped(transfer.n_trained)} of {grouped(total)} parameters are trained."
    )


# --- what of the source is kept, what is frozen ---------------------------------------------------------------


def make_transfer(section: NetworkSection, source: Source, pretrained: Pretrained, outputs: int, m: int) -> Transfer:
    """The new network for ``outputs`` numbers and ``m`` training examples.

    ``layers``, where they are given, are the whole network: what they have in common with the source is taken over.

    Raises:
        UsageError: ``freeze`` is larger than what is taken over, or no layer fits the source's.

    """
    body = pretrained.network.layers[: output_layer(pretrained)]
    if not body:
        raise LeadlineError(f"network.from: {source.name} has one layer alone; without it, nothing is taken over.")
    if section.layers is not None:
        network = _built(section.layers, "network.layers")
        kept = _common(network.layers, body, source)
    else:
        head = _new_head(Network(body), pretrained.input_shape, outputs)
        if section.head is not None:
            head = list(_built(section.head, "network.head").layers)
        network, kept = Network([*body, *head]), len(body)
    frozen = _frozen(section.freeze, m, network, kept, source)
    return Transfer(source, pretrained, network, kept, frozen)


def _new_head(body: Network, input_shape: Shape, outputs: int) -> list[Layer]:
    """A dense output layer, on the means of the channels where the body ends with maps."""
    maps = len(body.shapes(input_shape)[-1]) == 3
    return [GlobalAveragePool(), Dense(outputs)] if maps else [Dense(outputs)]


def output_layer(pretrained: Pretrained) -> int:
    """The index of the last layer with weights: the head begins there."""
    shapes = pretrained.network.shapes(pretrained.input_shape)
    weighty = [i for i, layer in enumerate(pretrained.network.layers) if layer.parameters(shapes[i])]
    return max(weighty, default=0)


def _built(tables: tuple[dict[str, Any], ...], place: str) -> Network:
    try:
        return Network.from_config(tables)
    except UsageError as error:
        raise UsageError(str(error).replace("layers[", f"{place}[", 1)) from None


def _common(layers: tuple[Layer, ...], body: tuple[Layer, ...], source: Source) -> int:
    """How many first layers are the source's own."""
    pairs = enumerate(zip(layers, body, strict=False))
    same = next((i for i, (ours, theirs) in pairs if not _alike(ours, theirs)), min(len(layers), len(body)))
    if same == 0:
        raise UsageError(
            f"network.layers[0] {layers[0]}: {source.name} begins with {body[0]}, so nothing can be taken over; "
            "leave layers out, or begin as it does."
        )
    return same


def _alike(ours: Layer, theirs: Layer) -> bool:
    """Equal, but for a bias that batch normalization behind it has made redundant."""
    return ours.without_bias() == theirs.without_bias()


def _frozen(freeze: int | str | None, m: int, network: Network, kept: int, source: Source) -> int:
    if freeze == "all":
        return kept
    if freeze == "none":
        return 0
    if isinstance(freeze, int):
        if freeze > kept:
            raise UsageError(
                f"network.freeze: got {freeze}, but {kept} layers are taken over from {source.name}; "
                f'at most {kept}, which is "all".'
            )
        return freeze
    return automatic_freeze(m, network, kept)
