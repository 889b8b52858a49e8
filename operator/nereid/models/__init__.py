"""What runs in the models image: it fetches models from their sources, and resolves and tags them in registries.

Imports nothing of the controller, the activator or the checks: what it shares with them is in `nereid.contract`.
"""
