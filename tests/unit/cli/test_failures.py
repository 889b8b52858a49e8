"""Failures of the API server and of the way to it, as sentences."""

from typing import Any

import click
import pytest
from kubernetes.client import ApiException
from kubernetes.config import ConfigException
from urllib3.exceptions import MaxRetryError, NewConnectionError, ReadTimeoutError

from nereid.cli.failures import explained

NO_PAGE = "404 page not found\n"
# Its name is no part of what is told.
POOL: Any = None
MISSING = '{"kind": "Status", "message": "modeldeployments \\"digits\\" not found", "details": {"name": "digits"}}'
DENIED = '{"kind": "Status", "message": "User \\"me\\" cannot patch resource", "details": {}}'


def refused(status: int, body: str) -> ApiException:
    error = ApiException(status=status, reason="Reason")
    error.body = body
    return error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            refused(404, NO_PAGE),
            "this cluster has no ModelDeployment resource: install Nereid in it (docs/operations.md)",
        ),
        (refused(404, MISSING), 'the API server rejected the request: modeldeployments "digits" not found'),
        (refused(403, DENIED), 'you are not allowed to do that: User "me" cannot patch resource'),
        (refused(401, "{}"), "the API server rejected your credentials: renew those of the kubeconfig's user"),
        (refused(500, "<html>"), "the API server rejected the request: Reason"),
        (
            ConfigException("Invalid kube-config file."),
            "no cluster is configured: Invalid kube-config file. Set KUBECONFIG, or give --kubeconfig and --context",
        ),
        (
            MaxRetryError(POOL, "/", NewConnectionError(POOL, "[Errno 111] Connection refused")),
            "the API server cannot be reached: [Errno 111] Connection refused",
        ),
        (
            ReadTimeoutError(POOL, "/", "Read timed out."),
            "the API server cannot be reached: Read timed out.",
        ),
    ],
)
def test_each_is_a_sentence(error, sentence):
    with pytest.raises(click.ClickException) as told, explained():
        raise error
    assert told.value.message.replace("None: ", "") == sentence
