"""Layers and networks as values, and their parameters as one vector θ."""

from leadline.network.batch_norm import BatchNorm
from leadline.network.dense import Dense
from leadline.network.dropout import Dropout
from leadline.network.elementwise import Activation, Flatten
from leadline.network.layer import Layer, Memory, Parameter, ShapeError, layer_from_config
from leadline.network.network import Network
from leadline.network.parameters import Layout, Parameters

__all__ = [
    "Activation",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Flatten",
    "Layer",
    "Layout",
    "Memory",
    "Network",
    "Parameter",
    "Parameters",
    "ShapeError",
    "layer_from_config",
]
