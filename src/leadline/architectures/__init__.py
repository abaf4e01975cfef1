"""Well-known networks as plain values made of Leadline's layers, by function and by name, and published weights."""

from __future__ import annotations

from leadline.architectures.alexnet import ALEXNET, alexnet
from leadline.architectures.architecture import ARCHITECTURES, Architecture, FunctionArchitecture, Publication
from leadline.architectures.efficientnet import EFFICIENTNETS, efficientnet
from leadline.architectures.lenet import lenet5
from leadline.architectures.mobilenet import MOBILENET_V1, MOBILENET_V2, mobilenet_v1, mobilenet_v2
from leadline.architectures.resnet import RESNETS, cifar_resnet, resnet
from leadline.architectures.squeezenet import SQUEEZENET, squeezenet
from leadline.architectures.vgg import VGG16, vgg16
from leadline.architectures.weights import Published, load_published
from leadline.extensions import register
from leadline.network import Image, Network

for _each in (
    FunctionArchitecture("lenet5", lenet5, (1, 32, 32), 10),
    ALEXNET,
    VGG16,
    *RESNETS,
    MOBILENET_V1,
    MOBILENET_V2,
    *EFFICIENTNETS,
    SQUEEZENET,
):
    register(_each)


def architecture(name: str) -> Architecture:
    """Look one up by its name in experiment files; `UsageError` with the nearest names."""
    return ARCHITECTURES.lookup(name)


def network_for(name: str, image_shape: tuple[int, int, int], outputs: int) -> Network:
    """The network by that name for rows of pixels that are images (height, width, channels), and so many outputs.

    Raises `leadline.network.ShapeError` where the images are too small for it.
    """
    height, width, channels = image_shape
    chosen = architecture(name)
    small = {"padding": "same"} if name == "lenet5" and min(height, width) < 32 else {}
    network = Network([Image(height, width, channels), *chosen.build(outputs, **small)])
    network.shapes((height * width * channels,))
    return network


__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "Publication",
    "Published",
    "alexnet",
    "architecture",
    "cifar_resnet",
    "efficientnet",
    "lenet5",
    "load_published",
    "mobilenet_v1",
    "mobilenet_v2",
    "network_for",
    "resnet",
    "squeezenet",
    "vgg16",
]
