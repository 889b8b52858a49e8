"""Lengths of time on the command line, written as in a ModelDeployment."""

import click

from nereid.api.schema import seconds


class Period(click.ParamType[float]):
    """A length of time in seconds, written as 90s, 5m or 1h30m."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number of seconds."""
        try:
            return float(seconds(str(value)))
        except ValueError as error:
            self.fail(str(error), param, ctx)


PERIOD = Period()
