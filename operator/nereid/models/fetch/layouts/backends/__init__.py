"""What Triton's Python backend runs for formats that have no backend of their own in Triton.

These files are not imported here: `model.py` and one of the predictors (as `predictor.py`) are copied next to the
model's file, and run in Triton's container, which has only NumPy, the training library and Triton's own module.
"""
