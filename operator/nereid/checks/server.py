"""A client of a revision's Service, for the Open Inference Protocol.

Data sets are sent as Triton's binary tensors, by Triton's own client; requests in a user's JSON are sent as they are.
"""

import asyncio
import json
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import quote

import aiohttp
from numpy.typing import NDArray
from tritonclient.http import aio as triton
from tritonclient.utils import InferenceServerException

from nereid.checks.errors import AnswerError, NotRunError
from nereid.checks.signature import Signature, signature_of
from nereid.contract.sentence import as_sentence

_PROBE_SECONDS: Final = 5
_PAUSE_SECONDS: Final = 0.5
_UNREACHABLE: Final = (aiohttp.ClientError, TimeoutError, OSError)
# What Triton's client raises for a body that is not an inference response.
_INVALID_ANSWER: Final = (ValueError, LookupError, TypeError, AttributeError, struct.error)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its outputs by name, and how long it took in seconds."""

    outputs: Mapping[str, NDArray[Any]]
    seconds: float


class Server:
    """One revision; `role` is its name in messages, `timeout` the longest time for one request in seconds."""

    def __init__(self, role: str, host: str, model: str, timeout: float) -> None:
        self.role = role
        self._host, self._model, self._timeout = host, model, timeout
        self._client = triton.InferenceServerClient(host, conn_timeout=timeout)
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
        await self._session.close()

    async def wait_until_ready(self, within: float) -> None:
        """Return once the Service reports that it is ready; raise NotRunError if it does not within so many seconds."""
        try:
            async with asyncio.timeout(within):
                # The state of another process has to be polled.
                while not await self._is_ready():  # noqa: ASYNC110
                    await asyncio.sleep(_PAUSE_SECONDS)
        except TimeoutError as error:
            raise NotRunError(
                f"{self.role} did not become ready at http://{self._host} within {within:.0f} s: check its pods, and "
                "whether something keeps this Job's pod from reaching them, such as a NetworkPolicy or an "
                "AuthorizationPolicy"
            ) from error

    async def _is_ready(self) -> bool:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                return bool(await self._client.is_server_ready())
        except _UNREACHABLE:
            return False

    async def signature(self) -> Signature:
        """Return the model's inputs and outputs; raise NotRunError if the server does not return them."""
        try:
            metadata = await self._client.get_model_metadata(self._model)
            return signature_of(metadata, await self._max_batch_size())
        except InferenceServerException as error:
            sentence = f"{self.role} did not return the metadata of model {self._model} (status {error.status()}): "
            raise NotRunError(f"{sentence}{as_sentence(error.message())}") from error
        except _UNREACHABLE as error:
            raise NotRunError(f"{self.role} stopped answering at http://{self._host}") from error

    async def _max_batch_size(self) -> int | None:
        try:
            config = await self._client.get_model_config(self._model)
        except InferenceServerException:
            # The configuration is an extension of Triton's, which --http-restricted-api may disable.
            return None
        return int(config.get("max_batch_size", 0))

    async def infer(self, inputs: Sequence[triton.InferInput], outputs: Sequence[str]) -> Answer:
        """Send one request for these outputs, or for all if none is named; raise AnswerError if one is missing."""
        requested = [triton.InferRequestedOutput(name) for name in outputs] or None
        start = time.monotonic()
        try:
            result = await self._client.infer(self._model, list(inputs), outputs=requested)
            seconds = time.monotonic() - start
            return Answer({name: _output(result, name) for name in outputs}, seconds)
        except InferenceServerException as error:
            raise _error_of_status(error.status(), error.message()) from error
        except TimeoutError as error:
            raise self._timed_out() from error
        except _UNREACHABLE as error:
            raise AnswerError("closed the connection without an answer") from error
        except _INVALID_ANSWER as error:
            raise AnswerError(f"answered with something other than an inference response ({error!r})") from error

    async def infer_json(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a body as it is and return that of the answer; raise AnswerError if it is not an inference response."""
        url = f"http://{self._host}/v2/models/{quote(self._model, safe='')}/infer"
        try:
            async with self._session.post(url, json=body) as response:
                if response.status != HTTPStatus.OK:
                    raise _error_of_status(response.status, _error(await response.text(errors="replace")))
                answer = await response.json(content_type=None)
        except TimeoutError as error:
            raise self._timed_out() from error
        except (*_UNREACHABLE, UnicodeDecodeError) as error:
            raise AnswerError("closed the connection without an answer") from error
        except ValueError as error:
            raise AnswerError("answered with something other than JSON") from error
        if not isinstance(answer, dict) or not isinstance(answer.get("outputs"), list):
            raise AnswerError("answered with something other than an inference response")
        return answer

    def _timed_out(self) -> AnswerError:
        return AnswerError(f"did not answer within {self._timeout:g} s")


def _error_of_status(status: Any, message: str) -> AnswerError:
    if not str(status).isdecimal():
        # An error of the client itself, which could not read the answer.
        return AnswerError(f"answered with something other than an inference response ({as_sentence(message)})")
    is_rejection = HTTPStatus.BAD_REQUEST <= int(status) < HTTPStatus.INTERNAL_SERVER_ERROR
    return AnswerError(f"answered with status {status}: {as_sentence(message)}", is_rejection=is_rejection)


def _error(body: str) -> str:
    """Return the message in the body of an error, which is JSON unless a proxy wrote it."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, LookupError, TypeError):
        return body


def _output(result: triton.InferResult, name: str) -> NDArray[Any]:
    array: NDArray[Any] | None = result.as_numpy(name)
    if array is None:
        raise AnswerError(f"answered without the output {name}")
    return array
