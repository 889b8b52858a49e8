"""Nereid: serves models on Triton behind Istio and rolls out new versions step by step."""

__version__ = "0.1.0"
