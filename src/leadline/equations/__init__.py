"""The mathematics: pure functions on tensors, forward and backward side by side, derived by hand."""
