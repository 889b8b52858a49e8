"""The state machine of a model's source: where its URI leads, and what its registry is told. Pure."""
