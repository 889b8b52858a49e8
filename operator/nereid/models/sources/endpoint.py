"""The URL of a source's server: the request's or the public one, verified, and as messages show it."""

from yarl import URL

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.fetch_request import Request


def endpoint_of(request: Request, public: str) -> str:
    """Return the URL of the server, without a slash at its end; raise FetchError if it is not valid."""
    endpoint = (request.endpoint or public).rstrip("/")
    if not is_endpoint(endpoint):
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{Field.ENDPOINT} is not a valid URL of a server: write it as https://host or http://host:port",
        )
    return endpoint


def is_endpoint(address: str) -> bool:
    """Whether an address is an http or https URL with a host and, if it has a port, a valid one."""
    try:
        url = URL(address)
        return url.scheme in {"http", "https"} and bool(url.host and url.port)
    except ValueError:
        return False


def server_of(endpoint: str) -> str:
    """Return the host of a URL, and its port if it is not the default one."""
    return URL(endpoint).host_port_subcomponent or ""
