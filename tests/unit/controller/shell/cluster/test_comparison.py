"""What counts as a difference between an object and its manifest."""

from typing import Any

import pytest

from nereid.controller.shell.cluster.comparison import covers

SAME: dict[str, tuple[Any, Any]] = {
    "equal": ({"a": 1}, {"a": 1}),
    "a default was added": ({"a": 1, "b": 2}, {"a": 1}),
    "a default was added in a list": ({"ports": [{"port": 80, "protocol": "TCP"}]}, {"ports": [{"port": 80}]}),
    "an empty value was left out": ({}, {"args": [], "env": "", "hostNetwork": False, "labels": {}}),
    "a quantity is written another way": ({"cpu": "500m"}, {"cpu": "0.5"}),
    "a quantity is a number": ({"nvidia.com/gpu": "1"}, {"nvidia.com/gpu": 1}),
    "a default in a map that is called like routes": ({"http": {"idleTimeout": "1s", "x": 1}}, {"http": {"x": 1}}),
    "a binary quantity": ({"memory": "2Gi"}, {"memory": "2048Mi"}),
}
ROUTE: dict[str, Any] = {"name": "http", "route": [{"destination": {"host": "a"}}]}
DIFFERENT: dict[str, tuple[Any, Any]] = {
    "another value": ({"a": 1}, {"a": 2}),
    "a missing value": ({}, {"a": 1}),
    "a longer list": ({"args": ["a", "b"]}, {"args": ["a"]}),
    "a shorter list": ({"args": ["a"]}, {"args": ["a", "b"]}),
    "another order": ({"args": ["b", "a"]}, {"args": ["a", "b"]}),
    "another kind of value": ({"a": "x"}, {"a": {"b": 1}}),
    "a list that became a word": ({"a": "ab"}, {"a": ["a", "b"]}),
    "a selector with one more key": ({"selector": {"app": "a", "x": "y"}}, {"selector": {"app": "a"}}),
    "another quantity": ({"memory": "1G"}, {"memory": "1Gi"}),
    "a truth that became a number": ({"a": 1}, {"a": "true"}),
    "a route before": ({"http": [{"name": "x", **ROUTE}, ROUTE]}, {"http": [ROUTE]}),
    "no route": ({"http": []}, {"http": [ROUTE]}),
    "routes in another order": ({"http": [{**ROUTE, "name": "x"}, ROUTE]}, {"http": [ROUTE, {**ROUTE, "name": "x"}]}),
    "a mirror": ({"http": [{**ROUTE, "mirror": {"host": "b"}}]}, {"http": [ROUTE]}),
    "a match": ({"http": [{**ROUTE, "match": [{"headers": {"x": {"exact": "y"}}}]}]}, {"http": [ROUTE]}),
    "headers that a route sets": (
        {"http": [{"name": "http", "route": [{**ROUTE["route"][0], "headers": {"request": {"set": {"x": "y"}}}}]}]},
        {"http": [ROUTE]},
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_same(case: str) -> None:
    observed, desired = SAME[case]
    assert covers(observed, desired)


@pytest.mark.parametrize("case", DIFFERENT)
def test_different(case: str) -> None:
    observed, desired = DIFFERENT[case]
    assert not covers(observed, desired)
