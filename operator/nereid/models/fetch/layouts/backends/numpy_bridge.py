"""Let NumPy 1 read what NumPy 2 has pickled: training uses the latest NumPy, images of Triton long had NumPy 1.

Two things differ: the name of NumPy's core, and how generators of random numbers are pickled, which estimators keep.
"""

import importlib
import sys
from typing import Any

import numpy as np

RENAMED = ("numeric", "fromnumeric", "_exceptions")


def know_numpy_2() -> None:
    """Change nothing where NumPy is of version 2 already."""
    if int(np.__version__.split(".")[0]) > 1:
        return
    for name in RENAMED:
        sys.modules.setdefault(f"numpy._core.{name}", importlib.import_module(f"numpy.core.{name}"))
    pickling = importlib.import_module("numpy.random._pickle")
    by_name = vars(pickling)["__bit_generator_ctor"]

    def bit_generator(told: Any = "MT19937") -> Any:
        if isinstance(told, str):
            return by_name(told)
        return revivable(told)() if isinstance(told, type) else told

    vars(pickling)["__bit_generator_ctor"] = bit_generator
    for made in ("__generator_ctor", "__randomstate_ctor"):
        name, _ = vars(pickling)[made].__defaults__
        vars(pickling)[made].__defaults__ = (name, bit_generator)


def revivable(kind: type) -> type:
    """Return a generator of this kind that takes the state as NumPy 2 pickles it: with the seed beside it."""

    def set_state(self: Any, state: Any) -> None:
        self.state = state[0] if isinstance(state, tuple) else state

    return type(kind.__name__, (kind,), {"__setstate__": set_state})
