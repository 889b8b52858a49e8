"""How many rows go into one request, and in which shape."""

import numpy as np
import pytest

from nereid.checks.errors import NotRunError
from nereid.checks.signature import Signature, Tensor, shaped


@pytest.mark.parametrize(
    ("input_shape", "output_shape", "max_batch_size", "expected"),
    [
        ((-1, 64), (-1, 10), 4, 4),
        ((-1, 64), (-1, 10), 128, 32),
        ((-1, 64), (-1,), 0, 32),
        ((-1, 64), (-1, 10), None, 32),
        ((64,), (10,), 0, 0),
        ((-1, 64), (10,), 0, 0),
        ((-1,), (-1,), 0, 0),
    ],
)
def test_largest_batch(
    input_shape: tuple[int, ...], output_shape: tuple[int, ...], max_batch_size: int | None, expected: int
) -> None:
    tensor = Tensor("x", "FP32", input_shape)
    model = Signature({"x": tensor}, {"y": Tensor("y", "FP32", output_shape)}, max_batch_size)
    assert model.largest_batch([tensor], ["y"], 32) == expected


@pytest.mark.parametrize(
    ("own", "dimensions", "expected"),
    [
        ((64,), (64,), (64,)),
        ((64,), (8, 8), (8, 8)),
        ((8, 8), (-1, 8), (8, 8)),
        ((5, 7), (-1, -1), (5, 7)),
        ((300,), (-1, 3), (100, 3)),
        ((), (1,), (1,)),
        ((1,), (), ()),
        ((0,), (-1,), (0,)),
    ],
)
def test_shapes_that_fit(own: tuple[int, ...], dimensions: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert shaped(np.zeros((2, *own)), dimensions, "x").shape == (2, *expected)


@pytest.mark.parametrize(("own", "dimensions"), [((63,), (64,)), ((10,), (-1, 3)), ((10,), (-1, -1)), ((), (2,))])
def test_shapes_that_do_not_fit(own: tuple[int, ...], dimensions: tuple[int, ...]) -> None:
    with pytest.raises(NotRunError, match=r"^input x takes "):
        shaped(np.zeros((2, *own)), dimensions, "x")


def test_an_input_that_is_not_there() -> None:
    model = Signature({"image": Tensor("image", "FP32", (-1, 64))}, {}, 0)
    with pytest.raises(NotRunError, match=r"^the model has no input x; its inputs are image: correct"):
        model.input("x")
