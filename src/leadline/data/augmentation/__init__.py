"""Augmentation: training images turned, shifted, stretched and tinted at random (course 2, other regularization)."""

from leadline.data.augmentation.augmenter import Augmenter
from leadline.data.augmentation.settings import Augmentation

__all__ = ["Augmentation", "Augmenter"]
