import pytest

from nereid.controller.shell.webhooks.addresses import is_forbidden


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.8.8.8",
            "::1",
            "0.0.0.0",
            "::",
            "169.254.169.254",
            "169.254.0.1",
            "fe80::1",
            "fe80::1%eth0",
        ),
        *(
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "224.0.0.1",
            "ff02::1",
        ),
        *("::ffff:169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "nonsense", ""),
    ],
)
def test_never_called(address: str) -> None:
    assert is_forbidden(address)


@pytest.mark.parametrize("address", ["10.96.0.17", "192.168.1.4", "93.184.216.34", "2606:2800:220:1::1", "fd12::1"])
def test_may_be_called_if_its_host_is_allowed(address: str) -> None:
    assert not is_forbidden(address)
