"""Splitting: which example serves for training, for steering (dev) and for the final judgement (test)."""
