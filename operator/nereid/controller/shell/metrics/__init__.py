"""Measures traffic for the rollouts: from Istio's metrics in Prometheus, or from the pods' own counters.

Everything here waits for the network, within time limits, and runs in the background of the passes (`sampler`). What is
computed from the answers is pure: `growth`, `outcomes`, `inference`.
"""
