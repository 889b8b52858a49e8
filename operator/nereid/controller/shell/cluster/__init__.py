"""How Nereid reads and writes the cluster: a client, list-and-watch, stores of small records, convergence.

It handles objects, not models: it imports neither `build` nor `decide`.
"""
