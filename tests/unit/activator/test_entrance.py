"""Only requests that a route of the operator sent, and triggers that it made, pass: the activator is nobody's proxy."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import grpc
import grpc.aio
import pytest
from prometheus_client import generate_latest
from tests.support.activator import triton
from tests.support.activator.keda import keda
from tests.support.activator.options import HOST, KEY, OPTIONS, QUICK, routed, trigger, with_timing
from tests.support.activator.until import until

from nereid.contract.proof import route_proof

OTHERS_KEY = "a-key-that-somebody-has-made-up-0123456789"
UNPROVEN = [
    pytest.param({"x-nereid-proof": ""}, id="none"),
    pytest.param({"x-nereid-proof": "0" * 64}, id="wrong"),
    pytest.param(routed(key=OTHERS_KEY), id="by another key"),
    pytest.param({"x-nereid-target": "other-4hx8l2qz.victim.svc.cluster.local"}, id="for another model"),
    pytest.param({"x-nereid-cold-start-seconds": "31536000"}, id="for another patience"),
]


@pytest.mark.parametrize("headers", UNPROVEN)
@pytest.mark.usefixtures("waking")
async def test_a_request_that_no_route_sent_is_refused_and_counted(client, model, activator, headers):
    model.awake.set()
    async with client.get("/v2", headers=headers) as answer:
        assert answer.status == 403
        assert "ask the model by its own name or host" in (await answer.json())["error"]
    assert not model.requests
    text = generate_latest(activator.registry).decode()
    assert 'nereid_activator_requests_total{outcome="unproven",protocol="rest"} 1.0' in text


@pytest.mark.usefixtures("waking")
async def test_a_call_that_no_route_sent_is_refused(channel, model):
    model.awake.set()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await channel.unary_unary(triton.INFER)(b"", metadata=(("x-nereid-target", HOST),))
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert not model.calls


@pytest.mark.parametrize("metadata", [{"target": HOST}, trigger(key=OTHERS_KEY), {"target": HOST, "proof": KEY}])
async def test_whoever_reaches_kedas_port_registers_no_model(activator, client, model, metadata):
    model.awake.set()
    async with keda(activator.ports.scaler, HOST) as one:
        one.reference.scalerMetadata.clear()
        one.reference.scalerMetadata.update(metadata)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await one.is_active()
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert await one.stream().code() is grpc.StatusCode.PERMISSION_DENIED
        with pytest.raises(grpc.aio.AioRpcError):
            await one.metrics()
    async with client.get("/v2", headers=routed(seconds=1)) as answer:
        assert answer.status == 503
    assert not model.probes


class TestPatience:
    """With no more than a second for any request."""

    @pytest.fixture
    def options(self):
        return with_timing(longest_cold_start_seconds=1)

    @pytest.mark.usefixtures("scaled")
    async def test_a_route_that_has_more_patience_than_is_allowed_gets_what_is_allowed(self, client):
        async with asyncio.timeout(5), client.get("/v2", headers=routed(seconds=31536000)) as answer:
            assert answer.status == 503


class TestKeys:
    """With a Secret that changes while the activator runs."""

    @pytest.fixture
    def folder(self, tmp_path):
        (tmp_path / "keys").write_text(KEY)
        return tmp_path

    @pytest.fixture
    def options(self, folder):
        return replace(OPTIONS, proof_folder=folder)

    @pytest.mark.usefixtures("waking")
    async def test_a_rotation_loses_no_request(self, client, folder):
        new = "the-next-key-0123456789abcdef0123456789"

        async def status(key: str) -> int:
            async with client.get("/v2", headers=routed(key=key)) as answer:
                return answer.status

        async def becomes(key: str, expected: int) -> None:
            async with asyncio.timeout(5):
                while await status(key) != expected:  # noqa: ASYNC110 - another process, so to speak, sets no event
                    await asyncio.sleep(0.02)

        assert (await status(KEY), await status(new)) == (200, 403)
        (folder / "keys").write_text(f"{new} {KEY}")
        await becomes(new, 200)
        await asyncio.sleep(2 * QUICK.key_keep_seconds)
        assert await status(KEY) == 200
        (folder / "keys").write_text(new)
        await becomes(KEY, 403)
        assert await status(new) == 200

    @pytest.mark.usefixtures("waking")
    async def test_a_key_that_is_replaced_at_once_is_accepted_for_a_while(self, client, folder):
        (folder / "keys").write_text("the-next-key-0123456789abcdef0123456789")
        await asyncio.sleep(4 * QUICK.key_seconds)
        async with client.get("/v2") as answer:
            assert answer.status == 200

    async def test_without_a_key_nothing_passes_and_the_pod_is_not_ready(self, folder, options, addresses):
        from nereid.activator.server import running  # noqa: PLC0415

        (folder / "keys").write_text("too short")
        async with running(options, addresses) as one:
            assert not one.health.has_keys()
            (folder / "keys").write_text(KEY)
            await until(one.health.has_keys)

    @pytest.mark.parametrize(("minutes", "status"), [(5, 200), (-5, 403)])
    @pytest.mark.usefixtures("waking")
    async def test_a_route_of_the_release_before_is_accepted_for_a_while(self, client, folder, minutes, status):
        until_then = datetime.now(UTC) + timedelta(minutes=minutes)
        (folder / "accept-unproven-until").write_text(until_then.strftime("%Y-%m-%dT%H:%M:%SZ"))
        await asyncio.sleep(0.3)
        del client.headers["x-nereid-proof"]
        async with client.get("/v2") as answer:
            assert answer.status == status
        # So is one of a release that was removed, whose key is lost while its models are kept.
        async with client.get("/v2", headers={"x-nereid-proof": route_proof(OTHERS_KEY, HOST, "10")}) as answer:
            assert answer.status == status
