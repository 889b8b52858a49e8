"""Failures of requests to the API server, in sentences that say what to change."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import click
from kubernetes.client import ApiException
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError, MaxRetryError
from yaml import YAMLError


@contextmanager
def explained() -> Iterator[None]:
    """Turn every failure of the Kubernetes client into a ClickException."""
    try:
        yield
    except (ConfigException, YAMLError) as error:
        raise click.ClickException(
            f"no cluster is configured: {_sentence(error)}. Set KUBECONFIG, or give --kubeconfig and --context"
        ) from error
    except ApiException as error:
        raise click.ClickException(_sentence_of_status(error)) from error
    except HTTPError as error:
        raise click.ClickException(f"the API server cannot be reached: {reason(error)}") from error


def reason(error: HTTPError) -> str:
    """Return why a connection failed, without the library's names of objects."""
    cause = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    return str(cause).rpartition(": ")[2] if "object at 0x" in str(cause) else str(cause)


def message(error: ApiException) -> str:
    """Return the API server's message."""
    return str(_status(error).get("message") or error.reason or error.body)


def is_missing_object(error: ApiException) -> bool:
    """Whether an object does not exist, as opposed to its kind."""
    return error.status == HTTPStatus.NOT_FOUND and "details" in _status(error)


def _sentence_of_status(error: ApiException) -> str:
    match error.status:
        case HTTPStatus.NOT_FOUND if not is_missing_object(error):
            return "this cluster has no ModelDeployment resource: install Nereid in it (docs/operations.md)"
        case HTTPStatus.UNAUTHORIZED:
            return "the API server rejected your credentials: renew those of the kubeconfig's user"
        case HTTPStatus.FORBIDDEN:
            return f"you are not allowed to do that: {message(error)}"
        case _:
            return f"the API server rejected the request: {message(error)}"


def _status(error: ApiException) -> dict[str, object]:
    try:
        body = json.loads(error.body or "{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
