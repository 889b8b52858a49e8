"""Lets NumPy 1 read pickles of NumPy 2: training uses the latest NumPy, while Triton's images long had NumPy 1.

Two things differ: the name of NumPy's core, and how random number generators, which estimators contain, are pickled.
"""

import importlib
import sys
from typing import Any

import numpy as np

RENAMED = ("numeric", "fromnumeric", "_exceptions")


def know_numpy_2() -> None:
    """Register the names of NumPy 2; do nothing if NumPy already is version 2."""
    if int(np.__version__.split(".")[0]) > 1:
        return
    for name in RENAMED:
        sys.modules.setdefault(f"numpy._core.{name}", importlib.import_module(f"numpy.core.{name}"))
    pickling = importlib.import_module("numpy.random._pickle")
    by_name = vars(pickling)["__bit_generator_ctor"]

    def bit_generator(kind: Any = "MT19937") -> Any:
        if isinstance(kind, str):
            return by_name(kind)
        return revivable(kind)() if isinstance(kind, type) else kind

    vars(pickling)["__bit_generator_ctor"] = bit_generator
    for constructor in ("__generator_ctor", "__randomstate_ctor"):
        name, _ = vars(pickling)[constructor].__defaults__
        vars(pickling)[constructor].__defaults__ = (name, bit_generator)


def revivable(kind: type) -> type:
    """Return a subclass of a generator that accepts the state as NumPy 2 pickles it, together with the seed."""

    def set_state(self: Any, state: Any) -> None:
        self.state = state[0] if isinstance(state, tuple) else state

    return type(kind.__name__, (kind,), {"__setstate__": set_state})
