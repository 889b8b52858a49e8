"""`spec.rollout.windows`: the times of a week at which a rollout may advance."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from nereid.api.schema import SET, ApiModel, matching, rule, rules

Day = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_CLOCK_TIME = "must be a time of day such as 09:00"


class Window(ApiModel):
    """A time of day on some days of the week, by the clock of a time zone."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("self.from != self.to", "from and to must differ: for whole days write from 00:00 to 24:00"),
        )
    )

    days: Annotated[list[Day], Field(min_length=1, max_length=7, json_schema_extra=SET)] | None = Field(
        default=None, description="Days of the week on which it opens. Default: every day."
    )
    opens: Annotated[
        str,
        Field(
            alias="from",
            min_length=5,
            max_length=5,
            json_schema_extra=matching(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", _CLOCK_TIME),
        ),
    ] = Field(alias="from", description="When it opens, for instance 09:00.")
    closes: Annotated[
        str,
        Field(
            alias="to",
            min_length=5,
            max_length=5,
            json_schema_extra=matching(r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", f"{_CLOCK_TIME}, or 24:00"),
        ),
    ] = Field(
        alias="to",
        description="When it closes, for instance 17:00. If that is earlier than from, it closes on the next day.",
    )
    time_zone: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=64,
                json_schema_extra=matching(
                    r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
                    "must be a name of the IANA time zone database, such as Europe/Berlin",
                ),
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="Time zone of from and to by its IANA name, for instance Europe/Berlin. Default: UTC.",
    )
