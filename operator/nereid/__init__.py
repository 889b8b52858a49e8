"""Nereid: serves models on Triton behind Istio and rolls out each new version with care."""

__version__ = "0.1.0"
