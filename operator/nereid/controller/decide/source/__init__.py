"""The state machine of a model's source: what its URI resolves to, and what its registry records. Pure."""
