"""Figures from arrays, as plain data that pages draw; none knows a network."""
