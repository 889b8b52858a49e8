import aiohttp
import pytest
from tests.support.metrics.requests import sample_request
from tests.support.metrics.servers import FakePrometheus, series, serving, success

from nereid.controller.decide.measurement_requests import SampleRequest
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import Comparison
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.growth import Window
from nereid.controller.shell.metrics.inference_view import inference_view
from nereid.controller.shell.metrics.ledgers import WindowCount
from nereid.controller.shell.metrics.prometheus import Prometheus


async def view(
    session: aiohttp.ClientSession, fake: FakePrometheus, request: SampleRequest | None = None
) -> Comparison | None:
    async with serving(fake.respond) as server:
        client = Prometheus(session, Settings(prometheus_url=str(server.make_url("/"))))
        return await inference_view(client, request or sample_request(), WindowCount(Window(1000, 1030)))


async def test_what_triton_counted(session: aiohttp.ClientSession) -> None:
    success_, failure = "nv_inference_request_success", "nv_inference_request_failure"
    new, old = {"pod": "digits-new-5f-x", "model": "digits"}, {"pod": "digits-old-6c-y", "model": "digits"}
    found = [
        series([(995, 1), (1025, 11)], __name__=success_, **new),
        series([(995, 0), (1025, 2)], __name__=failure, reason="BACKEND", **new),
        series([(995, 0), (1025, 3)], __name__=failure, reason="CANCELED", **new),
        series([(995, 5), (1025, 105)], __name__=success_, **old),
        series([(995, 5), (1025, 105)], __name__=success_, pod="digits-old-6c-y", model="member"),
    ]
    fake = FakePrometheus({"nv_inference": success("matrix", found)})
    assert await view(session, fake) == Comparison(Counts(15, 2), Counts(100))
    assert fake.asked[0]["query"] == (
        '{__name__=~"nv_inference_request_success|nv_inference_request_failure",namespace="shop",'
        'pod=~"(digits-new-|digits-old-).+"}[330s]'
    )


@pytest.mark.parametrize("length", [48, 49, 50])
async def test_pods_whose_long_names_kubernetes_cuts_off_are_counted(
    session: aiohttp.ClientSession, length: int
) -> None:
    name, candidate, stable = "m" * length, "bcdfghjk", "lmnpqrst"
    found = [
        series(
            [(995, 0), (1025, number)],
            __name__="nv_inference_request_success",
            pod=f"{f'{name}-{revision}-7d4b9c6f5'[:58]}x7k2m",
        )
        for revision, number in ((candidate, 3), (stable, 40))
    ]
    request = sample_request(name=name, candidate=candidate, stable=stable)
    seen = await view(session, FakePrometheus({"nv_inference": success("matrix", found)}), request)
    assert seen == Comparison(Counts(3), Counts(40))


async def test_nobody_scrapes_the_pods(session: aiohttp.ClientSession) -> None:
    assert await view(session, FakePrometheus({})) is None


async def test_values_that_cannot_be(session: aiohttp.ClientSession) -> None:
    found = [series([(995, 1), (1025, "NaN")], __name__="nv_inference_request_success", pod="digits-new-5f-x")]
    with pytest.raises(ProviderError, match="not a number"):
        await view(session, FakePrometheus({"nv_inference": success("matrix", found)}))
