"""What the user is told: status, conditions and events from what was observed, decided and applied. Pure."""
