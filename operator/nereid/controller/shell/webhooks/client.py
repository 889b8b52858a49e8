"""Sends one call and reads its answer, within bounds of time and size; never follows a redirect."""

import asyncio
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

import aiohttp
from yarl import URL

from nereid.contract.foreign_text import WEBHOOK_BYTES, TooLargeError, read_at_most
from nereid.controller.decide.webhook_calls import WebhookCall
from nereid.controller.observed.webhook_answers import WebhookAnswer, answer_of, failed
from nereid.controller.shell.webhooks.addresses import ForbiddenAddressError, PublicResolver, is_forbidden
from nereid.controller.shell.webhooks.signing import KeyFormatError, keys_of, signature

# A host that does not answer holds up the calls to itself alone; waiting for a turn is no part of a call's time.
_MOST_CONNECTIONS: Final = 64
_MOST_TO_A_HOST: Final = 4
_AUTHORITIES: Final = "ca.crt"


class WebhookClient:
    """Calls endpoints; made within a running event loop, and closed there."""

    def __init__(self, secrets: Path | None, forbidden: Callable[[str], bool] = is_forbidden) -> None:
        """`secrets`: the folder with a key for each host, and certificates to trust in ca.crt."""
        self._secrets = secrets
        self._is_forbidden = forbidden
        self._turns = asyncio.Semaphore(_MOST_CONNECTIONS)
        self._turns_at: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        connector = aiohttp.TCPConnector(
            limit=0,  # the turns are a bound: the connector's own would depend on the certificates, too
            resolver=PublicResolver(forbidden),
            force_close=True,
        )
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    async def send(self, call: WebhookCall) -> WebhookAnswer:
        """Return what came of a call; whatever goes wrong is an answer that says so."""
        host = URL(call.url).host or ""
        turns_here = self._turns_at.setdefault(host, asyncio.Semaphore(_MOST_TO_A_HOST))
        async with turns_here, self._turns:
            return await self._answer(call, host)

    async def _answer(self, call: WebhookCall, host: str) -> WebhookAnswer:
        try:
            async with asyncio.timeout(call.timeout):
                return await self._sent(call, host)
        except TimeoutError:
            return failed(f"{host} did not answer within {call.timeout} s")
        except KeyFormatError as error:
            return failed(str(error))
        except (aiohttp.ClientError, OSError) as error:
            forbidden = _cause(error, ForbiddenAddressError)
            return failed(f"{host} cannot be reached: {forbidden or error or type(error).__name__}")

    async def close(self) -> None:
        """End all connections."""
        await self._session.close()

    async def _sent(self, call: WebhookCall, host: str) -> WebhookAnswer:
        # The resolver is not asked where the host is an address itself.
        if _is_address(host) and self._is_forbidden(host):
            raise ForbiddenAddressError(f"{host} is an address that is never called")
        body, sent_at = call.body.encode(), int(time.time())
        headers = {
            "Content-Type": call.content_type,
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # the bound holds for the content, and compressed answers expand
            "User-Agent": "nereid",
            "webhook-id": call.id,
            "webhook-timestamp": str(sent_at),
        }
        if keys := keys_of(self._secrets, host.lower()):
            headers["webhook-signature"] = signature(keys, call.id, sent_at, body)
        async with self._session.post(
            call.url,
            data=body,
            headers=headers,
            allow_redirects=False,
            ssl=self._trusted(),
            timeout=aiohttp.ClientTimeout(total=call.timeout),
        ) as response:
            try:
                content = await read_at_most(response.content.iter_any(), WEBHOOK_BYTES)
            except TooLargeError:
                return failed(f"it answered with more than {WEBHOOK_BYTES >> 10} KiB")
            return answer_of(response.status, response.headers.get("Content-Type", ""), content)

    def _trusted(self) -> ssl.SSLContext | bool:
        """Return what certificates are checked by: the public authorities, and those of the installer."""
        path = self._secrets / _AUTHORITIES if self._secrets else None
        if path is None or not path.is_file():
            return True
        context = ssl.create_default_context()
        context.load_verify_locations(cafile=str(path))
        return context


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _cause(error: BaseException | None, kind: type[Exception]) -> BaseException | None:
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error
