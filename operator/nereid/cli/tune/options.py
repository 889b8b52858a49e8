"""The types of `nereid tune`'s options."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import click

from nereid.cli.tune.configuration import Hardware

_TIME: Final = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>us|ms|s)")
_MICROSECONDS: Final = {"us": 1, "ms": 1_000, "s": 1_000_000}


def microseconds(text: str) -> int:
    """Return a short time, written as 50ms, 1.5s or 200us, in microseconds; raises ValueError where it is none."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a valid time: write it as 50ms, 1.5s or 200us")
    return round(float(match["number"]) * _MICROSECONDS[match["unit"]])


class ShortTime(click.ParamType[float]):
    """A short time in seconds that is not 0, written as 50ms, 1.5s or 200us."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number of seconds."""
        try:
            length = microseconds(str(value)) / _MICROSECONDS["s"]
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not length:
            self.fail(f"{value!r} is not a valid time: write 1us or more", param, ctx)
        return length


class Times(click.ParamType[tuple[int, ...]]):
    """Short times separated by commas, in microseconds."""

    name = "times"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the microseconds, rising."""
        try:
            return tuple(sorted({microseconds(part) for part in str(value).split(",")}))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Counts(click.ParamType[tuple[int, ...]]):
    """Whole numbers from 1 on, separated by commas."""

    name = "numbers"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the numbers, rising."""
        parts = [part.strip() for part in str(value).split(",")]
        if not all(part.isdigit() and int(part) > 0 for part in parts):
            self.fail(
                f"{value!r} is not a valid list of numbers: write whole numbers from 1 on, for instance 1,2,4",
                param,
                ctx,
            )
        return tuple(sorted({int(part) for part in parts}))


class HardwareOption(click.ParamType[Hardware]):
    """Resources of a pod, as cpu=2,memory=4Gi,gpu=1."""

    name = "resources"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Hardware:
        """Return the hardware."""
        try:
            return Hardware.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Price(click.ParamType[tuple[str, float]]):
    """The price of a resource for an hour, as cpu=0.04."""

    name = "price"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """Return the resource and its price."""
        resource, _, price = str(value).rpartition("=")
        try:
            number = float(price)
        except ValueError:
            number = -1.0
        if not resource or not 0 <= number < float("inf"):
            self.fail(f"{value!r} is not a valid price: write RESOURCE=PRICE, for instance cpu=0.04", param, ctx)
        return resource, number


class Shape(click.ParamType[tuple[str, tuple[int, ...]]]):
    """The sizes of an input, as image:3,224,224."""

    name = "shape"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[int, ...]]:
        """Return the input and its sizes."""
        name, _, sizes = str(value).rpartition(":")
        if not name or not re.fullmatch(r"[1-9][0-9]*(,[1-9][0-9]*)*", sizes):
            self.fail(f"{value!r} is not a valid shape: write INPUT:SIZES, for instance image:3,224,224", param, ctx)
        return name, tuple(int(size) for size in sizes.split(","))


class NewFile(click.Path):
    """A file to be written in the end: what would keep it from being written is reported before the search."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.parent.is_dir():
            self.fail(f"{value} cannot be written: its folder does not exist", param, ctx)
        if not path.exists() and not os.access(path.parent, os.W_OK):
            self.fail(f"{value} cannot be written: you have no write permission for its folder", param, ctx)
        return path


def without_repeats(hardware: Iterable[Hardware]) -> tuple[Hardware, ...]:
    """Return each kind of hardware once."""
    return tuple(dict.fromkeys(hardware))
