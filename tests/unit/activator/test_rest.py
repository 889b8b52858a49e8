"""Requests over HTTP: held until the model is awake, then passed on as they are."""

import asyncio
import gzip
import json

import aiohttp
import pytest
from tests.support.activator.options import HOST, QUICK, routed, with_limits, with_timing
from tests.support.activator.triton import payload
from tests.support.activator.until import until

PATH = "/v2/models/digits/infer"


@pytest.mark.usefixtures("waking")
async def test_a_request_wakes_the_model_and_is_answered(client, model):
    async with client.post(PATH, data=b"{}") as answer:
        assert (answer.status, await answer.read()) == (200, b"{}")
    assert model.premature == 0
    assert model.probes >= 2


async def test_pods_that_answer_while_they_go_get_nothing(client, model, scaled):
    await scaled.is_active()
    model.awake.set()
    model.last_probe = 4
    task = asyncio.create_task(client.post(PATH, data=b"{}"))
    await until(lambda: model.probes > 7)
    assert (model.premature, task.done()) == (0, False)
    model.awake.set()
    async with await task as answer:
        assert (answer.status, await answer.read()) == (200, b"{}")


async def test_a_request_that_met_no_pod_waits_for_the_next(client, model, scaled):
    await scaled.is_active()
    model.awake.set()
    model.last_probe = 5
    task = asyncio.create_task(client.post(PATH, data=b"{}"))
    await until(lambda: model.premature and model.probes > 7)
    assert not task.done()
    model.awake.set()
    async with await task as answer:
        assert (answer.status, await answer.read()) == (200, b"{}")
    assert model.premature == 1


@pytest.mark.usefixtures("waking")
async def test_a_request_whose_connection_is_closed_without_a_byte_is_sent_again(client, model):
    model.closings = 2
    async with client.post("/v2/closing", data=b"{}") as answer:
        assert (answer.status, await answer.read()) == (200, b"{}")
    assert len(model.requests) == 1


@pytest.mark.usefixtures("waking")
async def test_a_target_that_always_closes_connections_gives_a_clear_error(client, model):
    model.closings = 100
    async with client.post("/v2/closing", data=b"{}") as answer:
        assert (answer.status, "did not answer" in await answer.text()) == (502, True)
    assert model.closings == 97


@pytest.mark.usefixtures("waking")
async def test_a_request_too_large_to_keep_is_sent_once(client, model):
    model.closings = 1
    async with client.post("/v2/closing", data=bytes(2**18 + 1)) as answer:
        assert answer.status == 502
    assert model.closings == 0


@pytest.mark.usefixtures("waking")
async def test_a_thousand_requests_at_once_are_all_answered(client, model):
    async def ask(number: int) -> bool:
        async with client.post(PATH, data=payload(number)) as answer:
            return answer.status == 200 and await answer.read() == payload(number)

    assert all(await asyncio.gather(*(ask(number) for number in range(1000))))
    assert model.premature == 0
    assert len(model.requests) == 1000


@pytest.mark.usefixtures("waking")
async def test_the_request_arrives_as_it_was_sent(client, model):
    body = gzip.compress(b"content")
    headers = {
        "Content-Encoding": "gzip",
        "Inference-Header-Content-Length": "4",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "Connection": "keep-alive, X-Hop",
        "X-Hop": "1",
        "TE": "trailers",
        "Accept": "application/json",
        "User-Agent": "model-client/1",
        "X-Envoy-Max-Retries": "5",
        "x-envoy-retry-on": "5xx",
        "x-envoy-retry-grpc-on": "unavailable",
    }
    async with client.put(f"{PATH}%2Fa?q=%20b&c=%2B", data=body, headers=headers) as answer:
        assert await answer.read() == body
    (request,) = model.requests
    assert request.method == "PUT"
    assert request.raw_path == f"{PATH}%2Fa?q=%20b&c=%2B"
    assert request.headers["Host"] == f"{HOST}:8000"
    assert request.headers["Content-Length"] == str(len(body))
    for name in ("Content-Encoding", "Inference-Header-Content-Length", "traceparent", "Accept", "User-Agent"):
        assert request.headers[name] == headers[name]
    assert request.headers.getall("x-envoy-max-retries") == ["0"]
    assert not {
        "x-nereid-target",
        "x-nereid-cold-start-seconds",
        "x-nereid-proof",
        "x-hop",
        "te",
        "x-envoy-retry-on",
        "x-envoy-retry-grpc-on",
    } & {name.lower() for name in request.headers}


@pytest.mark.usefixtures("waking", "client")
async def test_nothing_is_added_to_the_request_but_that_proxies_do_not_repeat_it(model, activator):
    reader, writer = await asyncio.open_connection("127.0.0.1", activator.ports.rest)
    headers = "".join(f"{name}: {value}\r\n" for name, value in routed().items())
    writer.write(f"GET /v2 HTTP/1.1\r\nHost: shop.example.com\r\n{headers}\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert {name.lower() for name in model.requests[0].headers} == {"host", "connection", "x-envoy-max-retries"}


@pytest.mark.parametrize("status", [201, 302, 400, 404, 500, 503])
@pytest.mark.usefixtures("waking")
async def test_the_answer_arrives_as_it_was_given(client, status):
    async with client.post(f"{PATH}?status={status}", data=b"{}", allow_redirects=False) as answer:
        assert answer.status == status
        assert await answer.read() == b"{}"
        assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]
        assert answer.headers["Location"] == "/else"
        assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.usefixtures("waking")
async def test_a_head_request_has_no_body(client):
    async with client.head(PATH) as answer:
        assert (answer.status, await answer.read()) == (200, b"")


async def test_the_body_is_not_read_before_the_model_is_awake(client, model, scaled):
    sent = 0

    async def body():
        nonlocal sent
        for _ in range(512):
            yield bytes(2**16)
            sent += 2**16

    stream = scaled.stream()
    assert not (await stream.read()).result
    task = asyncio.create_task(client.post(PATH, data=body()))
    assert (await stream.read()).result
    held = -1
    while held != sent:
        held = sent
        await asyncio.sleep(0.2)
    # What fits into the buffers of the sockets of one machine.
    assert held < 12 * 2**20
    model.awake.set()
    answer = await task
    assert len(await answer.read()) == sent == 2**25
    stream.cancel()


@pytest.mark.usefixtures("waking")
async def test_an_answer_streams(client, model):
    async with client.get("/v2/models/tokens/stream") as answer:
        assert await answer.content.readany() == b"data: first\n\n"
        model.finish.set()
        assert await answer.content.read() == b"data: last\n\n"


@pytest.mark.usefixtures("waking")
async def test_an_answer_that_breaks_off_does_not_look_whole(client, activator):
    with pytest.raises(aiohttp.ClientError):
        async with client.get("/v2/broken") as answer:
            await answer.read()
    await until(lambda: not activator.activity.in_flight)


@pytest.mark.usefixtures("waking")
async def test_a_client_that_goes_away_cancels_its_request(client, model, activator):
    task = asyncio.create_task(client.post("/v2/slow"))
    await model.begun.wait()
    task.cancel()
    await asyncio.wait_for(model.cancelled.wait(), 5)
    await until(lambda: not activator.activity.in_flight)


async def test_a_client_that_goes_away_waits_no_more(client, scaled, activator):
    stream = scaled.stream()
    await stream.read()
    task = asyncio.create_task(client.post(PATH))
    assert (await stream.read()).result
    task.cancel()
    await until(lambda: not activator.activity.in_flight)
    async with asyncio.timeout(5):
        while (await stream.read()).result:
            pass


async def test_a_model_that_does_not_wake_up_gives_a_clear_error(client, scaled):
    stream = scaled.stream()
    await stream.read()
    async with client.post(PATH, headers=routed(seconds=1)) as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "10"
        sentence = "digits-4hx8l2qz in namespace shop did not become ready within 1 s; check its pods"
        assert await answer.json() == {"error": sentence}
    stream.cancel()


async def test_a_model_that_keda_does_not_know_is_not_asked(client, model):
    model.awake.set()
    async with client.post(PATH, headers=routed(seconds=1)) as answer:
        assert answer.status == 503
        assert "KEDA has not asked about digits-4hx8l2qz in namespace shop for 1 s" in (await answer.json())["error"]
    assert not model.requests
    assert not model.probes


async def test_a_model_that_is_awake_is_served_while_keda_is_silent(client, model, scaled):
    await scaled.is_active()
    model.awake.set()
    await asyncio.sleep(QUICK.silence_seconds * 1.5)
    async with client.post(PATH, data=b"{}") as answer:
        assert (answer.status, await answer.read()) == (200, b"{}")


async def test_a_model_that_sleeps_on_while_keda_is_silent_gives_a_clear_error(client, scaled):
    await scaled.is_active()
    await asyncio.sleep(0.2)
    async with client.post(PATH, headers=routed(seconds=1)) as answer:
        assert answer.status == 503
        assert "KEDA has not asked about digits-4hx8l2qz in namespace shop for 1 s" in (await answer.json())["error"]


async def test_a_request_waits_for_keda_too(client, model, scaled):
    model.awake.set()
    task = asyncio.create_task(client.post(PATH, data=b"{}"))
    await asyncio.sleep(0.1)
    assert not task.done()
    await scaled.is_active()
    assert (await task).status == 200


@pytest.mark.parametrize(
    ("host", "complaint"),
    [
        ("", "the request has no header x-nereid-target"),
        ("example.com", "not of the form NAME.NAMESPACE.svc.cluster.local"),
        ("digits.shop.svc.example.com", "not of the form"),
        ("digits.shop.svc.cluster.local:80", "not of the form"),
        ("argocd-server.argocd.svc.cluster.local", "is not the Service of a model's revision"),
    ],
)
async def test_a_request_that_leads_elsewhere_is_refused(client, host, complaint):
    async with client.post(PATH, headers=routed(host)) as answer:
        assert answer.status == 400
        assert complaint in json.loads(await answer.read())["error"]


class TestLongReady:
    """With a model that, once it has answered, is taken to be ready."""

    @pytest.fixture
    def options(self):
        return with_timing(ready_seconds=60)

    @pytest.mark.usefixtures("waking")
    async def test_a_target_that_is_gone_after_all_gives_a_clear_error(self, client, model):
        async with client.post(PATH) as answer:
            assert answer.status == 200
        model.rest_port = 1
        async with client.post(PATH) as answer:
            assert answer.status == 502
            assert "digits-4hx8l2qz.shop.svc.cluster.local did not answer" in (await answer.json())["error"]


class TestLimit:
    """With room for one."""

    @pytest.fixture
    def options(self):
        return with_limits(waiting=1)

    @pytest.mark.usefixtures("activator")
    async def test_what_would_wait_beyond_the_limit_is_refused(self, client, scaled):
        stream = scaled.stream()
        await stream.read()
        task = asyncio.create_task(client.post(PATH))
        assert (await stream.read()).result
        async with client.post(PATH) as answer:
            assert answer.status == 503
            assert "too many requests wait" in (await answer.json())["error"]
        task.cancel()
        stream.cancel()
