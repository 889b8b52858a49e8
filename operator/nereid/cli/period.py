"""Lengths of time on the command line, written as in a ModelDeployment."""

import click

from nereid.api.schema import seconds


class Period(click.ParamType[float]):
    """A length of time in seconds, written as 90s, 5m or 1h30m; 0 only if it `may_be_zero`."""

    name = "duration"

    def __init__(self, *, may_be_zero: bool = True) -> None:
        self._may_be_zero = may_be_zero

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number of seconds."""
        try:
            length = float(seconds(str(value)))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not length and not self._may_be_zero:
            self.fail(f"{value!r} is not a valid time: write 1s or more", param, ctx)
        return length


PERIOD = Period()
SOME_TIME = Period(may_be_zero=False)
