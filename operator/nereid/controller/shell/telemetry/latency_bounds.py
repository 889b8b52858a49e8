"""The ways in which the bound of a histogram's bucket is written, which differ between writers."""

from decimal import Decimal


def spellings(milliseconds: int) -> tuple[str, ...]:
    """Return the values of `le`: Envoy's; Prometheus 3's, which adds a decimal; and the one for a million or more."""
    digits = str(Decimal(milliseconds).normalize()).partition("E")[0].replace(".", "")
    mantissa = f"{digits[0]}.{digits[1:]}".rstrip("0").rstrip(".")
    return (str(milliseconds), f"{milliseconds}.0", f"{mantissa}e+{len(str(milliseconds)) - 1:02d}")
