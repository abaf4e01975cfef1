"""Search for hyper-parameters: spaces, samplers, and the training of many variants of one experiment at once.

>>> from leadline import search
>>> result = search.search(experiment, space=search.Space((search.log("training.learning_rate", 1e-4, 1),)))
>>> result.best["mean"], result.trials[0].values
>>> search.load("last").summary["importance"]
"""

from leadline.search.job import search, settings_of
from leadline.search.records import SearchRecord, TrialRecord, load, names
from leadline.search.settings import SearchSettings
from leadline.search.spaces import Dimension, Space, choice, integer, linear, log, one_minus_log
from leadline.variants.executor import Executor, Outcome, train_alone, train_variants
from leadline.variants.variants import Prepared, PreparedExperiment, Variant

__all__ = [
    "Dimension",
    "Executor",
    "Outcome",
    "Prepared",
    "PreparedExperiment",
    "SearchRecord",
    "SearchSettings",
    "Space",
    "TrialRecord",
    "Variant",
    "choice",
    "integer",
    "linear",
    "load",
    "log",
    "names",
    "one_minus_log",
    "search",
    "settings_of",
    "train_alone",
    "train_variants",
]
