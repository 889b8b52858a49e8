"""What registries know of a model: to what a moving reference leads now, and what the model was made from.

It speaks to registries by what `fetch` downloads with, and runs in Jobs of the user's namespace, never in the operator.
"""
