"""Which objects should exist: plain manifests from a plan and a decision.

Nothing here can fail, as `plan` has rejected what cannot be built. Pure: no client, no clock. Knows neither how the
rollout decides nor how manifests are applied.
"""
