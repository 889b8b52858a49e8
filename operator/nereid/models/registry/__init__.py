"""Resolves references to fixed URIs, with the provenance that registries keep, and tags versions in MLflow.

It uses the same clients as `fetch`, and runs in Jobs of the user's namespace, never in the operator.
"""
