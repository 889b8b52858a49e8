"""Choosing a configuration by measuring: what to measure next, what a measurement means, what it costs.

Pure: the search is a function of what was measured, a generator's report becomes a value, and manifests are values.
Only the command `nereid tune` reads the clock and the cluster. Must import no client of Kubernetes.
"""
