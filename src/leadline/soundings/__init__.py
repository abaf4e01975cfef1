"""Soundings: what each remedy would do to the error, measured on this run's data before anyone pays for it."""

from leadline.soundings.learning_curve import LearningCurve
from leadline.soundings.result import Sounding, Soundings
from leadline.soundings.sounder import sound

__all__ = ["LearningCurve", "Sounding", "Soundings", "sound"]
