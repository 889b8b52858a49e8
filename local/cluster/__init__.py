"""A real Kubernetes cluster on one Linux machine, without a container registry.

The package runs before any virtual environment exists, so it uses the standard library alone.
"""
