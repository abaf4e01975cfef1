"""Small dense networks: many steps as one compiled call, beside the readable form of them (decision 40)."""

from leadline.training.compiled.steps import CompiledSteps

__all__ = ["CompiledSteps"]
