"""One experiment as a validated value: what the file, the command line and Python all build.

An `Experiment` has the parts of an experiment file (TOML), with their names and keys: ``[extensions]``, ``[data]``,
``[split]``, ``[network]``, ``[training]``, ``[augment]``, ``[goal]``, ``[evaluation]`` and ``[search]``. A key that is
not given is ``None`` here and is filled from the data when the experiment is resolved
(`leadline.session.defaults.resolve`); a resolved experiment repeats its run.
"""

from leadline.experiment.experiment import Experiment
from leadline.experiment.sections import AugmentSection, GoalSection, NetworkSection, TrainingSection

__all__ = ["AugmentSection", "Experiment", "GoalSection", "NetworkSection", "TrainingSection"]
