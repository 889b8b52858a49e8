"""The judge: whether the candidate is worse than stable, by evidence that may be evaluated at any time.

Pure functions of numbers: no I/O, no clock, no randomness. What must survive a restart is in `Evidence`. For users:
docs/judge.md.
"""
