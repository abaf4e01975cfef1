"""Layers and networks as values, and their parameters as one vector θ."""

from leadline.network.batch_norm import BatchNorm
from leadline.network.dense import Dense
from leadline.network.depth_report import DepthReport, depth_report
from leadline.network.dropout import Dropout
from leadline.network.elementwise import Activation, Flatten
from leadline.network.gradient_check import GradientCheck, gradient_check
from leadline.network.layer import Layer, Memory, Parameter, ShapeError, layer_from_config
from leadline.network.network import Network
from leadline.network.parameters import Layout, Parameters
from leadline.network.summary import Summary

__all__ = [
    "Activation",
    "BatchNorm",
    "Dense",
    "DepthReport",
    "Dropout",
    "Flatten",
    "GradientCheck",
    "Layer",
    "Layout",
    "Memory",
    "Network",
    "Parameter",
    "Parameters",
    "ShapeError",
    "Summary",
    "depth_report",
    "gradient_check",
    "layer_from_config",
]
