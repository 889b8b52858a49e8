"""Triton's model configuration as a user writes it in `spec.model.config`: is it one, and what comes of it.

The judge is the protocol buffer definition that Triton publishes, so that a misspelt field is refused before any pod
starts, with a sentence that names it. Pure: no client, no file. It must not import `plan`, which asks it, or `fetch`,
which merges by it.

`model_config.proto` is vendored, as its only publisher on PyPI, tritonclient, brings gRPC and NumPy with it.
`model_config_pb2.py` is generated from it; to do so anew, in operator/, with grpcio-tools 1.76:
python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. nereid/contract/triton_config/model_config.proto
"""

from nereid.contract.triton_config.merge import merged, parsed
from nereid.contract.triton_config.problems import problem

__all__ = ["merged", "parsed", "problem"]
