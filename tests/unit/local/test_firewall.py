from cluster import firewall

SAVED = """\
*filter
:INPUT ACCEPT [0:0]
:KUBE-FIREWALL - [0:0]
:DOCKER - [0:0]
-A INPUT -j KUBE-FIREWALL
-A INPUT -p tcp -m comment --comment "KUBE-FIREWALL by hand" -j ACCEPT
-A KUBE-FIREWALL -j DROP
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
:NEREID-POSTROUTING - [0:0]
:KUBE-OLD - [0:0]
-A POSTROUTING -j NEREID-POSTROUTING
-A POSTROUTING -j KUBE-OLD
COMMIT
"""


def test_chains_are_told_by_their_names() -> None:
    assert firewall.chains(SAVED) == ["filter/KUBE-FIREWALL", "nat/NEREID-POSTROUTING", "nat/KUBE-OLD"]


def test_removal_takes_jumps_first_and_spares_what_was_there_before() -> None:
    assert firewall.removal(SAVED, keep=["nat/KUBE-OLD"]).splitlines() == [
        "*filter",
        ":KUBE-FIREWALL - [0:0]",
        "-D INPUT -j KUBE-FIREWALL",
        "-X KUBE-FIREWALL",
        "COMMIT",
        "*nat",
        ":NEREID-POSTROUTING - [0:0]",
        "-D POSTROUTING -j NEREID-POSTROUTING",
        "-X NEREID-POSTROUTING",
        "COMMIT",
    ]


def test_nothing_to_remove_is_no_input() -> None:
    assert firewall.removal("*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n", keep=[]) == ""
