from decimal import Decimal

import pytest

from nereid.api.quantity import parse_bytes, parse_quantity, quantity_or_none


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("500m", "0.5"),
        ("1.5", "1.5"),
        (2, "2"),
        ("2Gi", "2147483648"),
        ("3G", "3000000000"),
        ("0", "0"),
        ("129e6", "129000000"),
        ("1E", "1e18"),
    ],
)
def test_a_quantity_is_read_as_kubernetes_does(written: object, value: str) -> None:
    assert quantity_or_none(written) == Decimal(value)


@pytest.mark.parametrize("written", ["", "lots", "-1", "1 Gi", None, True, []])
def test_what_is_none_is_told(written: object) -> None:
    assert quantity_or_none(written) is None


def test_a_size_is_a_whole_number_of_bytes() -> None:
    assert parse_bytes("64Mi") == 67108864
    with pytest.raises(ValueError, match="'0' is not a valid size: write bytes such as 512Mi"):
        parse_bytes("0")


def test_a_size_beyond_all_memory_is_none() -> None:
    with pytest.raises(ValueError, match=r"^'10+' is not a valid size"):
        parse_bytes("1" + "0" * 5000)


def test_what_has_to_be_a_quantity_is_told_otherwise() -> None:
    assert parse_quantity("500m") == 0.5
    with pytest.raises(ValueError, match="'two' is not a valid quantity: write a number such as 2"):
        parse_quantity("two")
