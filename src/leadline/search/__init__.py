"""Search for hyper-parameters: spaces, samplers, and the training of many variants of one experiment at once."""

from leadline.search.executor import Executor, Outcome, train_alone, train_variants
from leadline.search.variants import Prepared, Variant, Workbench

__all__ = ["Executor", "Outcome", "Prepared", "Variant", "Workbench", "train_alone", "train_variants"]
