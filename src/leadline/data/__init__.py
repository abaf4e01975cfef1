"""Data: reading sources, understanding their columns, splitting them, and preparing them for a network."""

from leadline.data.dataset import Column, Dataset, Feature
from leadline.data.preparation import Preparation
from leadline.data.settings import DataSettings, GivenSet, SplitSettings, WeightedSource
from leadline.data.sources.reading import read, read_settings
from leadline.data.splitting.split import Split, automatic_sizes, split
from leadline.data.splitting.split_columns import set_aside

__all__ = [
    "Column",
    "DataSettings",
    "Dataset",
    "Feature",
    "GivenSet",
    "Preparation",
    "Split",
    "SplitSettings",
    "WeightedSource",
    "automatic_sizes",
    "read",
    "read_settings",
    "set_aside",
    "split",
]
