"""Probes: small measurements beside a run that tell what its own errors cannot; each ends in findings."""

from leadline.strategy.probes.budget import Budget, Probing

__all__ = ["Budget", "Probing"]
