"""Layouts: how a model's file or folder becomes a model in Triton's repository, with its configuration."""

from nereid.models.fetch.layouts.layout import configure, stage

__all__ = ["configure", "stage"]
