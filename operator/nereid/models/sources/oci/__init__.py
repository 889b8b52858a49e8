"""OCI distribution: manifests, credentials and the registry's HTTP API, apart from what a model is.

KServe's storage library pulls by oras, which begins a broken download anew and keeps whole layers in memory; ranges and
digests are what this package is for.
"""
