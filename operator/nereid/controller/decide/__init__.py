"""What to do now: the next state of the rollout and of the model's source, and what is wanted for it. Pure."""
