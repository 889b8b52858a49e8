"""Triton's model configuration as a user writes it in `spec.model.config`: is it one, and what comes of it.

The judge is the protocol buffer definition that Triton publishes, so that a misspelt field is refused before any pod
starts, with a sentence that names it. Pure: no client, no file but that definition. It must not import `plan`, which
asks it, or `fetch`, which merges by it.
"""

from nereid.contract.triton_config.merge import merged, parsed
from nereid.contract.triton_config.problems import problem

__all__ = ["merged", "parsed", "problem"]
