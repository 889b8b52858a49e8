"""What runs in the models image: it fetches models from wherever they live, and asks and tells their registries.

Imports nothing of the controller, the activator or the checks: what it shares with them is in `nereid.contract`.
"""
