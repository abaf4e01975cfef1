"""Published weights: a publisher's file becomes a network that computes the same, and its parameters (course 4).

A publisher names its tensors by its own layers. The layers with weights come in the same order there and here, body
before shortcut, so one list of names for each publication (`leadline.architectures.architecture.Publication`) is all
that is needed; each kind of layer knows what its tensors are called.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from leadline.architectures.architecture import IMAGENET, Architecture, PixelScaling, Publication
from leadline.architectures.files import read_tensors
from leadline.errors import LeadlineError
from leadline.network import BatchNorm, Convolution, Dense, Layer, Network, Parameters, Shape, SqueezeExcitation
from leadline.network.composite import Composite

# Our names of a layer's tensors, and the publishers' after each of its prefixes; both publishers use torch's modules.
AFFINE = ({"weight": "weight", "bias": "bias"},)
NAMES: dict[type[Layer], tuple[dict[str, str], ...]] = {
    Convolution: AFFINE,
    Dense: AFFINE,
    BatchNorm: (
        {"gamma": "weight", "beta": "bias", "running_mean": "running_mean", "running_variance": "running_var"},
    ),
    SqueezeExcitation: (
        {"reduce_weight": "weight", "reduce_bias": "bias"},
        {"expand_weight": "weight", "expand_bias": "bias"},
    ),
}
IGNORED = "num_batches_tracked"


@dataclass(frozen=True)
class Published:
    """A network that computes what the publisher's does, with the published parameters and statistics.

    ``pixels`` is how the publisher normalizes images.
    """

    network: Network
    parameters: Parameters
    publisher: str
    pixels: PixelScaling = IMAGENET


def load_published(
    architecture: Architecture,
    source: str | os.PathLike[str],
    input_shape: Shape | None = None,
    checksum: str | None = None,
) -> Published:
    """Read published weights of an architecture in float32; for ``source`` and ``checksum`` see `read_tensors`.

    The network gets as many outputs as the file's last layer has, and the publisher's padding and ε. ``input_shape``
    (channels, height, width) is the publication's unless given. Raises `LeadlineError` that names the weight where one
    is missing, left over, or of another shape.
    """
    tensors = {name: t for name, t in read_tensors(source, checksum).items() if not name.endswith(IGNORED)}
    publication = _publication(architecture, tensors)
    first = f"{publication.prefixes[0]}.weight"
    if publication.blue_first and first in tensors:
        tensors[first] = tensors[first].flip(1)
    bias = tensors.get(f"{publication.prefixes[-1]}.bias")
    outputs = architecture.outputs if bias is None else len(bias)
    network = architecture.build(outputs, **publication.options)
    shape = input_shape or architecture.input_shape
    layout = network.layout(shape)
    parameters = Parameters(layout, torch.zeros(layout.n), network.statistics(shape, torch.float32, "cpu"))
    _fill(network, parameters, tensors, publication, architecture)
    return Published(network, parameters, publication.publisher, publication.pixels)


def published_names(network: Network, publication: Publication) -> dict[str, str]:
    """The publisher's name of each parameter and statistic, by ours: ``{"layers.0.weight": "conv1.weight", …}``."""
    prefixes, names = iter(publication.prefixes), {}
    for path, layer in _layers_with_weights(network):
        for group in NAMES[type(layer)]:
            prefix = next(prefixes)
            names |= {f"{path}.{own}": f"{prefix}.{theirs}" for own, theirs in group.items()}
    assert next(prefixes, None) is None, f"{publication.publisher} names more layers than the network has"
    return names


def _publication(architecture: Architecture, tensors: dict[str, Tensor]) -> Publication:
    """The one whose names the file has, most of them at least: a missing one is named later."""
    first = "'" + "' or '".join(p.prefixes[0] + ".weight" for p in architecture.publications) + "'"
    if not architecture.publications:
        raise LeadlineError(f"No published weights of {architecture.name} are known.")
    prefixes = {name.rpartition(".")[0] for name in tensors}
    best = max(architecture.publications, key=lambda publication: len(prefixes & set(publication.prefixes)))
    if 2 * len(prefixes & set(best.prefixes)) < len(best.prefixes):
        known = " and ".join(publication.publisher for publication in architecture.publications)
        raise LeadlineError(
            f"The file does not hold weights of {architecture.name} by the names of {known}: expected {first}, …; "
            f"got {next(iter(tensors), 'nothing')!r}, …"
        )
    return best


def _fill(
    network: Network,
    parameters: Parameters,
    tensors: dict[str, Tensor],
    publication: Publication,
    architecture: Architecture,
) -> None:
    """Copy every tensor to its place; the file must have all of them and no other."""
    own = {**parameters.named(), **parameters.named_statistics()}
    left = dict(tensors)
    for name, theirs in published_names(network, publication).items():
        if name not in own:  # a bias that batch norm has made redundant
            continue
        given = left.pop(theirs, None)
        if given is None:
            raise LeadlineError(f"The file lacks {theirs}, the {publication.publisher} name of {name}.")
        if given.shape != own[name].shape and _dense(given).shape != own[name].shape:
            raise LeadlineError(
                f"{theirs} does not fit: {architecture.name} needs shape {tuple(own[name].shape)} for {name}, "
                f"the file has {tuple(given.shape)}"
            )
        own[name].copy_(given if given.shape == own[name].shape else _dense(given))
    if left:
        more = f" and {len(left) - 1} more" if len(left) > 1 else ""
        raise LeadlineError(f"The file holds {next(iter(left))}{more}, for which {architecture.name} has no place.")


def _dense(tensor: Tensor) -> Tensor:
    """A 1×1 convolution's weight as that of a dense layer: publishers write squeeze-and-excitation so."""
    return tensor.flatten(1) if tensor.dim() == 4 and tensor.shape[2:] == (1, 1) else tensor


def _layers_with_weights(network: Network) -> Iterator[tuple[str, Layer]]:
    for i, layer in enumerate(network.layers):
        yield from _inside(f"layers.{i}", layer)


def _inside(path: str, layer: Layer) -> Iterator[tuple[str, Layer]]:
    if isinstance(layer, Composite):
        for name, layers in layer.branches().items():
            for i, inner in enumerate(layers):
                yield from _inside(f"{path}.{name}.{i}", inner)
    elif type(layer) in NAMES:
        yield path, layer
