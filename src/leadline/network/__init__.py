"""Layers and networks as values, and their parameters as one vector θ."""

from leadline.network.attention import Attention, TransformerBlock
from leadline.network.batch_norm import BatchNorm
from leadline.network.composite import Composite
from leadline.network.concatenate import Concatenate
from leadline.network.convolution import Convolution
from leadline.network.convolution1d import Convolution1D
from leadline.network.dense import Dense
from leadline.network.depth_report import DepthReport, depth_report
from leadline.network.dropout import Dropout
from leadline.network.elementwise import Activation, Flatten
from leadline.network.embeddings import PeriodicEmbedding, PiecewiseEmbedding
from leadline.network.ensemble import Ensemble, as_population, take_over_members
from leadline.network.gradient_check import GradientCheck, gradient_check
from leadline.network.image import Image
from leadline.network.layer import Layer, LayerContext, ParameterSpec, Shape, ShapeError, layer_from_config
from leadline.network.layer_norm import LayerNorm
from leadline.network.network import Network
from leadline.network.over_time import Last, PoolOverTime
from leadline.network.parameters import Layout, Parameters
from leadline.network.pooling import AveragePool, GlobalAveragePool, MaxPool
from leadline.network.recurrent import GRU, LSTM, SimpleRecurrent
from leadline.network.residual import Residual
from leadline.network.series import Series
from leadline.network.squeeze_excitation import SqueezeExcitation
from leadline.network.summary import Summary
from leadline.network.tokens import Embedding, Position
from leadline.network.torch_module import TorchModule

__all__ = [
    "GRU",
    "LSTM",
    "Activation",
    "Attention",
    "AveragePool",
    "BatchNorm",
    "Composite",
    "Concatenate",
    "Convolution",
    "Convolution1D",
    "Dense",
    "DepthReport",
    "Dropout",
    "Embedding",
    "Ensemble",
    "Flatten",
    "GlobalAveragePool",
    "GradientCheck",
    "Image",
    "Last",
    "Layer",
    "LayerContext",
    "LayerNorm",
    "Layout",
    "MaxPool",
    "Network",
    "ParameterSpec",
    "Parameters",
    "PeriodicEmbedding",
    "PiecewiseEmbedding",
    "PoolOverTime",
    "Position",
    "Residual",
    "Series",
    "Shape",
    "ShapeError",
    "SimpleRecurrent",
    "SqueezeExcitation",
    "Summary",
    "TorchModule",
    "TransformerBlock",
    "as_population",
    "depth_report",
    "gradient_check",
    "layer_from_config",
    "take_over_members",
]
