"""OCI distribution: manifests, credentials and the registry's HTTP API.

Clients such as oras restart a broken download and keep whole layers in memory. This package continues a download by a
range request, and verifies its digest.
"""
