"""Calls of all four arities over a real server: answers, refusals, and the order of the chain."""

from __future__ import annotations

import grpc
import pytest
import structlog

from support.refusals import Refused, refused
from support.toy_service import ARITIES, AUTHORIZED, KEY, SERVICE, Toy, ToyServer, ToyServicer, send, toy_server
from trackway_server.core.auth.authenticator import InsecureAuthenticator
from trackway_server.core.auth.principal import LOCAL_ADMIN, Principal, Role
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.telemetry import Telemetry


@pytest.fixture
async def toys():
    async with toy_server() as toys:
        yield toys


async def refusal(toys: ToyServer, method: str, *requests, metadata=AUTHORIZED) -> Refused:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await send(toys, method, *requests, metadata=metadata)
    return refused(caught.value)


async def test_every_arity_answers(toys: ToyServer) -> None:
    assert await send(toys, "Once", Toy(text="a")) == [Toy(text="a")]
    assert await send(toys, "Down", Toy(count=3)) == [Toy(count=0), Toy(count=1), Toy(count=2)]
    assert await send(toys, "Up", Toy(), Toy(), Toy()) == [Toy(count=3)]
    assert await send(toys, "Both", Toy(text="a"), Toy(text="b")) == [Toy(text="a"), Toy(text="b")]


async def test_streams_without_messages(toys: ToyServer) -> None:
    assert await send(toys, "Up") == [Toy()]
    assert await send(toys, "Both") == []
    assert await send(toys, "Down", Toy()) == []


async def test_the_servicer_knows_its_caller(toys: ToyServer) -> None:
    metadata = (*AUTHORIZED, ("x-request-id", "abc-1"), ("x-more-bin", b"\x00"))
    await send(toys, "Once", Toy(), metadata=metadata)
    (call,) = toys.servicer.seen
    assert (call.principal, call.request_id) == (LOCAL_ADMIN, "abc-1")
    assert call.method == f"/{SERVICE.full_name}/Once"
    assert set(call.onward_metadata()) == {("x-request-id", "abc-1"), AUTHORIZED[0]}
    assert KEY not in repr(call)


@pytest.mark.parametrize("given", ["a b", "x" * 65, "a;b", "a/b"])
async def test_a_request_id_that_is_no_plain_token_is_replaced(toys: ToyServer, given: str) -> None:
    await send(toys, "Once", Toy(), metadata=(*AUTHORIZED, ("x-request-id", given)))
    assert toys.servicer.seen[0].request_id != given
    assert len(toys.servicer.seen[0].request_id) == 32


async def test_the_request_id_is_answered(toys: ToyServer) -> None:
    call = toys.call("Once")(Toy(), metadata=(*AUTHORIZED, ("x-request-id", "abc")))
    await call
    assert dict(await call.trailing_metadata())["x-request-id"] == "abc"


@pytest.mark.parametrize("method", ARITIES)
async def test_a_field_that_breaks_a_limit(toys: ToyServer, method: str) -> None:
    found = await refusal(toys, method, Toy(text="x" * 11, count=-1))
    assert (found.code, found.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert found.fields == ["text", "count"]
    assert found.metadata == {"field": "text"}


@pytest.mark.parametrize("method", ARITIES)
async def test_bytes_that_are_no_message(toys: ToyServer, method: str) -> None:
    callable_ = toys.raw(method)

    async def stream():
        yield b"\xff\xff\xff"

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        call = callable_(stream() if method in {"Up", "Both"} else b"\xff\xff\xff", metadata=AUTHORIZED)
        if method in {"Down", "Both"}:
            async for _ in call:
                pass
        else:
            await call
    found = refused(caught.value)
    assert (found.code, found.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
    assert found.metadata == {"method": f"/{SERVICE.full_name}/{method}"}


@pytest.mark.parametrize("method", ARITIES)
@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (None, "CREDENTIALS_MISSING"),
        ((("authorization", "Bearer tw_wrong"),), "CREDENTIALS_INVALID"),
        ((("authorization", KEY),), "CREDENTIALS_INVALID"),
    ],
)
async def test_callers_without_the_key(toys: ToyServer, method: str, metadata, reason: str) -> None:
    found = await refusal(toys, method, Toy(text="x" * 11), metadata=metadata)
    assert (found.code, found.reason) == (grpc.StatusCode.UNAUTHENTICATED, reason)
    assert toys.servicer.seen == []


class Viewer:
    async def authenticate(self, authorization: str | None) -> Principal:
        return Principal("ann", {"default": Role.VIEWER})


async def test_a_principal_without_the_permission() -> None:
    async with toy_server(authenticator=Viewer()) as toys:
        assert await send(toys, "Once", Toy())
        found = await refusal(toys, "Guarded", Toy())
    assert (found.code, found.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    assert found.metadata == {"permission": "toys.guard"}


@pytest.mark.parametrize("method", ARITIES)
async def test_a_defect_is_internal_and_says_nothing(toys: ToyServer, method: str) -> None:
    with structlog.testing.capture_logs() as lines:
        found = await refusal(toys, method, Toy(text="refuse"))
    assert (found.code, found.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert found.metadata == {"request_id": found.request_id}
    assert "secret" not in repr(found)
    (failed,) = [line for line in lines if line["event"] == "call_failed"]
    assert failed["request_id"] == found.request_id
    assert "secret" in str(failed["exc_info"])


@pytest.mark.parametrize("method", ARITIES)
async def test_refusals_of_the_domain(toys: ToyServer, method: str) -> None:
    toys.servicer.refusal = DomainError(Reason.SERVICE_UNAVAILABLE, "Try again.", service="x")
    found = await refusal(toys, method, Toy(text="refuse"))
    assert (found.code, found.reason) == (grpc.StatusCode.UNAVAILABLE, "SERVICE_UNAVAILABLE")
    assert (found.message, found.metadata, found.retry_after) == ("Try again.", {"service": "x"}, 1)


@pytest.mark.parametrize("kind", ["unary_unary", "unary_stream", "stream_unary", "stream_stream"])
@pytest.mark.parametrize("path", [f"/{SERVICE.full_name}/Nope", "/no.such.Service/Once", "/x", "/" + "x" * 3000])
async def test_unknown_methods(toys: ToyServer, kind: str, path: str) -> None:
    callable_ = getattr(toys.channel, kind)(path)

    async def stream():
        yield b"x"

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        call = callable_(stream() if kind.startswith("stream") else b"x")
        if kind.endswith("stream"):
            async for _ in call:
                pass
        else:
            await call
    found = refused(caught.value)
    assert (found.code, found.reason) == (grpc.StatusCode.UNIMPLEMENTED, "UNKNOWN_METHOD")
    assert found.metadata["method"][:40] == path[:40]


async def test_the_order_of_the_chain_by_a_real_call() -> None:
    """Each layer is seen to act before the next: what the first one refuses, the later ones never see."""
    steps: list[str] = []

    class Authenticator:
        async def authenticate(self, authorization: str | None) -> Principal:
            steps.append("authentication")
            return Principal("ann", {"default": Role.VIEWER})

    class Recording(ToyServicer):
        async def Once(self, request, call):
            steps.append(f"servicer {call.request_id}")
            return request

    with structlog.testing.capture_logs() as lines:
        async with toy_server(Recording(), Authenticator(), telemetry=(telemetry := Telemetry())) as toys:
            malformed = toys.raw("Guarded")(b"\xff", metadata=(("x-request-id", "r1"),))
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await malformed
            # authorisation came before limits: the malformed bytes were never looked at
            assert refused(caught.value).reason == "PERMISSION_DENIED"
            assert refused(caught.value).request_id == "r1"
            await toys.call("Once")(Toy(), metadata=(("x-request-id", "r2"),))
    assert steps == ["authentication", "authentication", "servicer r2"]
    logged = [(line["request_id"], line["principal"], line["status"]) for line in lines if line["event"] == "call"]
    # the access log is outside the status mapping, and inside the request id; the principal is known to it
    assert logged == [("r1", "ann", "PERMISSION_DENIED"), ("r2", "ann", "OK")]
    exposition = telemetry.exposition().decode()
    assert 'method="Guarded",service="support.toy.v1.ToyService",status="PERMISSION_DENIED"} 1.0' in exposition
    assert 'method="Once",service="support.toy.v1.ToyService",status="OK"} 1.0' in exposition


async def test_one_log_line_a_call_with_its_fields(toys: ToyServer) -> None:
    with structlog.testing.capture_logs() as lines:
        await send(toys, "Both", Toy(), Toy())
    (line,) = lines
    duration = line.pop("duration_ms")
    assert duration >= 0
    assert line == {
        "event": "call",
        "log_level": "info",
        "method": f"{SERVICE.full_name}/Both",
        "principal": "admin",
        "request_id": toys.servicer.seen[0].request_id,
        "status": "OK",
    }


async def test_metrics_have_no_label_a_stranger_chooses() -> None:
    async with toy_server(authenticator=InsecureAuthenticator(), telemetry=(telemetry := Telemetry())) as toys:
        for number in range(5):
            with pytest.raises(grpc.aio.AioRpcError):
                await toys.channel.unary_unary(f"/stranger{number}/X")(b"")
    exposition = telemetry.exposition().decode()
    assert "stranger" not in exposition
    assert 'method="unknown",service="unknown",status="UNIMPLEMENTED"} 5.0' in exposition


async def test_deadlines_and_cancellation_are_counted_as_what_they_are() -> None:
    async with toy_server(telemetry=(telemetry := Telemetry())) as toys:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await toys.call("Once")(Toy(text="wait"), metadata=AUTHORIZED, timeout=0.3)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        call = toys.call("Once")(Toy(text="wait"), metadata=AUTHORIZED)
        toys.servicer.waiting.clear()
        await toys.servicer.waiting.wait()
        call.cancel()
        while toys.servicer.cancelled < 2:
            await send(toys, "Once", Toy())
    exposition = telemetry.exposition().decode()
    assert 'status="CANCELLED"} 1.0' in exposition
    assert 'status="DEADLINE_EXCEEDED"} 1.0' in exposition
