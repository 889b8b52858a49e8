"""The store of children: newer wins, owners are told of what matters, deletions are noticed."""

import pytest
from tests.support.child_objects import OWNER, service

from nereid.controller.shell.cluster.children import Children

KEY = ("ns", "digits")


@pytest.fixture
def told() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def children(told: list[tuple[str, str]]) -> Children:
    return Children(told.append)


def test_a_watch_tells_the_owner(children: Children, told: list[tuple[str, str]]) -> None:
    children.observe("Service", service())
    assert told == [KEY]
    assert [child.name for child in children.of(OWNER)] == ["digits"]


def test_our_own_write_tells_nobody_and_neither_does_its_echo(children: Children, told: list[tuple[str, str]]) -> None:
    children.applied("Service", service(version=5))
    children.observe("Service", service(version=5))
    assert told == []


def test_an_older_event_does_not_overwrite(children: Children) -> None:
    children.applied("Service", service(version=5))
    children.observe("Service", service(version=4, annotations={}))
    child = children.get("Service", "ns", "digits")
    assert child
    assert child.desired_hash == "hash"


def test_a_change_of_nothing_that_matters_tells_nobody(children: Children, told: list[tuple[str, str]]) -> None:
    children.applied("Service", service(version=5))
    children.observe("Service", service(version=6, managedFields=["whatever"]))
    assert told == []


def test_what_was_verified_stays_so_until_the_content_changes(children: Children) -> None:
    children.applied("Service", service(version=5))
    children.observe("Service", service(version=6))
    unchanged = children.get("Service", "ns", "digits")
    children.observe("Service", service(version=7, spec={"selector": {"app": "other"}}))
    changed = children.get("Service", "ns", "digits")
    assert unchanged
    assert unchanged.content is None
    assert changed
    assert changed.content is not None


def test_a_deletion_tells_the_owner(children: Children, told: list[tuple[str, str]]) -> None:
    children.applied("Service", service(version=5))
    children.remove("Service", service(version=6))
    assert told == [KEY]
    assert children.of(OWNER) == []


def test_a_late_deletion_does_not_remove_the_successor(children: Children) -> None:
    children.applied("Service", service(version=9, uid="successor"))
    children.remove("Service", service(version=6))
    assert len(children) == 1


def test_a_list_forgets_what_is_not_in_it(children: Children, told: list[tuple[str, str]]) -> None:
    children.applied("Service", service("listed", version=3))
    children.applied("Service", service("deleted-meanwhile", version=4))
    children.applied("Service", service("made-after-the-list", version=12))
    children.retain("Service", None, {"listed-uid"}, 10)
    assert {child.name for child in children.of(OWNER)} == {"listed", "made-after-the-list"}
    assert told == [KEY]


def test_a_list_of_one_namespace_forgets_nothing_elsewhere(children: Children) -> None:
    children.applied("Service", service(version=3))
    children.retain("Service", "elsewhere", set(), 10)
    assert len(children) == 1


def test_a_child_of_a_deleted_namesake_is_not_ours(children: Children) -> None:
    reference = {"kind": "ModelDeployment", "name": "digits", "uid": "former-uid", "controller": True}
    children.observe("Service", service(ownerReferences=[reference]))
    assert children.of(OWNER) == []


def test_an_orphan_that_was_made_for_the_name_is_ours(children: Children) -> None:
    children.observe("Service", service(ownerReferences=[]))
    assert len(children.of(OWNER)) == 1


def test_labels_alone_do_not_make_it_ours(children: Children) -> None:
    children.observe("Service", service(ownerReferences=[], annotations={}))
    assert children.of(OWNER) == []
