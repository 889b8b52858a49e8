"""What Triton's Python backend runs for formats that it has no backend of their own for.

These files are not imported here: `model.py` and one of the predictors (as `predictor.py`) are written next to the
model's file, into Triton's container, where they have only NumPy, the training library and Triton's own module.
"""
