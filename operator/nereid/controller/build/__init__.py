"""Which objects should exist: plain manifests from a plan and a decision.

Nothing here can fail, as `plan` has rejected what cannot be built. Pure: no client, no clock. Knows nothing of how the
rollout decides or of how manifests are applied.
"""
