"""The judge: whether the candidate is worse than stable, by evidence that may be looked at as often as one likes.

Pure functions of numbers: no I/O, no clock, no randomness. What must outlive a restart is in `Evidence`. For people:
docs/judge.md.
"""
