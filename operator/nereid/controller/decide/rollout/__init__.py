"""The rollout as a pure state machine: what should happen now, given the plan, what is observed, and the state so far.

No client, no clock, no randomness: the time comes in as an argument, the next wake-up goes out as a value.
"""
