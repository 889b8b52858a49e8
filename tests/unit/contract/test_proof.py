"""Proofs hold for what they were made for, by any of the keys, and for nothing else."""

import pytest

from nereid.contract.proof import keys_of, proves_peer, proves_route, proves_trigger, route_proof, trigger_proof

OLD, NEW, OTHER = "old-" * 8, "new-" * 8, "other-" * 6
HOST = "digits-4hx8l2qz.shop.svc.cluster.local"


@pytest.mark.parametrize("key", [OLD, NEW])
def test_while_a_key_is_replaced_either_is_accepted(key):
    assert proves_route(route_proof(key, HOST, "300"), [OLD, NEW], HOST, "300")
    assert proves_trigger(trigger_proof(key, HOST), [OLD, NEW], HOST)


@pytest.mark.parametrize(
    ("proof", "host", "seconds"),
    [
        (route_proof(OTHER, HOST, "300"), HOST, "300"),
        (route_proof(OLD, HOST, "300"), HOST.replace("shop", "victim"), "300"),
        (route_proof(OLD, HOST, "300"), HOST, "31536000"),
        (trigger_proof(OLD, HOST), HOST, "300"),
        ("", HOST, "300"),
        ("é\udc80", HOST, "300"),
    ],
)
def test_a_proof_of_something_else_proves_nothing(proof, host, seconds):
    assert not proves_route(proof, [OLD, NEW], host, seconds)


def test_a_proof_of_a_route_neither_registers_a_model_nor_makes_an_activator():
    proof = route_proof(OLD, HOST, "300")
    assert not proves_trigger(proof, [OLD], HOST)
    assert not proves_peer(proof, [OLD])


def test_without_a_key_nothing_is_proven():
    assert not proves_route("", [], HOST, "300")
    assert not proves_peer("", [])


def test_keys_are_the_long_words_of_a_file():
    assert keys_of(f"{NEW}\n  {OLD} short\n") == (NEW, OLD)
    assert keys_of("") == ()
