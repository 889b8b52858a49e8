"""How Nereid reads and writes the cluster: a client, list-and-watch, stores of small records, a way to converge.

It knows objects, not models: it imports neither `build` nor `rollout`.
"""
