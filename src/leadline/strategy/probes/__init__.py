"""Probes: small measurements beside a run that tell what its own errors cannot; each ends in findings."""

from leadline.strategy.probes.budget import NO_TIME, Budget, Probing

__all__ = ["NO_TIME", "Budget", "Probing"]
