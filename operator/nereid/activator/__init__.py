"""The activator: holds requests to models that sleep, has KEDA wake them, and passes the requests on.

A process of its own, in the mesh. The routes of a sleeping model lead to it; KEDA asks it, as an external scaler, which
models are wanted. It keeps nothing beyond its own memory: after a restart, KEDA and the clients ask again. Imports only
names and telemetry; it has neither the API's types nor a Kubernetes client.

`externalscaler_pb2.py` is generated; to do so anew, in operator/, with grpcio-tools 1.76:
python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. nereid/activator/externalscaler.proto
"""
