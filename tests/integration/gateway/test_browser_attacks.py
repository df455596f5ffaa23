"""What pages of other sites, and requests made by hand, try on the HTTP side; all of it must fail closed."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.gateway_serving import JSON, PROTO, enveloped, gateway_before, http_client, reason_in, unenveloped
from support.scripted_server import KEY, ScriptedServer
from trackway.api.auth.v1.auth_service_pb2 import GetSelfResponse
from trackway.api.registry.v1 import model_registry_service_pb2 as registry
from trackway_server.core.errors import DomainError, Reason
from trackway_server.gateway.bodies import FREE_BYTES
from trackway_server.gateway.guard import SECURITY_HEADERS

GET_MODEL = "/trackway.api.registry.v1.ModelRegistryService/GetModel"
WATCH = "/trackway.api.registry.v1.ModelRegistryService/Watch"
EXCHANGE_KEY = "/trackway.api.auth.v1.AuthService/ExchangeKey"
BODY = b'{"name": "m"}'
ZIPPED = gzip.compress(BODY)
DOCUMENTED = {200, 400, 401, 403, 404, 405, 408, 409, 413, 415, 429, 499, 500, 501, 503, 504}


@dataclass
class Gateway:
    """A gateway before services that answer everything, and what came to them."""

    port: int
    server: ScriptedServer
    client: httpx.AsyncClient

    @property
    def calls(self) -> int:
        return len(self.server.seen)

    async def raw(self, data: bytes) -> bytes:
        """What the gateway answers to bytes, until it closes the connection or 64 KiB have come."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        async with asyncio.timeout(30):
            answer = await reader.read(1 << 16)
        writer.close()
        return answer


@asynccontextmanager
async def gateway(**chosen: Any) -> AsyncIterator[Gateway]:
    async def get(request: Any, _: Any) -> Any:
        return registry.GetModelResponse()

    async def me(*_: Any) -> Any:
        return GetSelfResponse(name="me")

    async def exchange(*_: Any) -> Any:
        raise DomainError(Reason.CREDENTIALS_INVALID, "Wrong key.")

    server = ScriptedServer({"GetModel": get, "GetSelf": me, "ExchangeKey": exchange})
    await server.start()
    try:
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
            gateway_before(channel, **chosen) as port,
            http_client(port, KEY) as client,
        ):
            yield Gateway(port, server, client)
    finally:
        await server.stop()


@pytest.fixture
async def open_gateway() -> AsyncIterator[Gateway]:
    async with gateway() as opened:
        yield opened


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7700", "127.0.0.1.evil.example", "localhost.evil"])
async def test_a_name_that_was_rebound(open_gateway: Gateway, host: str) -> None:
    """Attack 17."""
    for path in (GET_MODEL, WATCH, "/"):
        said = await open_gateway.client.post(path, content=BODY, headers={**JSON, "host": host})
        assert said.status_code == 403
    assert open_gateway.calls == 0


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.1:1", "[::1]:65535"])
async def test_loopback_by_any_port_is_no_rebinding(open_gateway: Gateway, host: str) -> None:
    """Attack 17, and the false positives of others' defence against it."""
    said = await open_gateway.client.post(GET_MODEL, content=BODY, headers={**JSON, "host": host})
    assert said.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        [("origin", "http://evil.example")],
        [("origin", "null")],
        [("origin", "")],
        [("origin", "http://localhost:3000")],
        [("origin", "http://localhost")],
        [("origin", "http://127.0.0.1")],
        [("origin", "file://")],
        [("origin", "http://SELF"), ("origin", "http://evil.example")],
        [("origin", "http://SELF.evil.example")],
        [("origin", "http://user@SELF")],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
        [("sec-fetch-site", "")],
    ],
)
async def test_a_page_of_another_site(open_gateway: Gateway, headers: list[tuple[str, str]]) -> None:
    """Attack 18: with the password that the browser remembers."""
    own = [(name, value.replace("SELF", f"127.0.0.1:{open_gateway.port}")) for name, value in headers]
    for path in (GET_MODEL, WATCH):
        said = await open_gateway.client.post(path, content=BODY, headers=[("content-type", "application/json"), *own])
        assert said.status_code == 403
        assert "access-control-allow-origin" not in said.headers
    assert open_gateway.calls == 0


async def test_its_own_page_and_those_allowed_may_call() -> None:
    async with gateway(allowed_origins=("https://tracker.example",)) as opened:
        for origin in (f"http://127.0.0.1:{opened.port}", "https://tracker.example", "HTTPS://Tracker.Example"):
            said = await opened.client.post(GET_MODEL, content=BODY, headers={**JSON, "origin": origin})
            assert said.status_code == 200
            assert "access-control-allow-origin" not in said.headers
        other = {**JSON, "origin": "http://tracker.example"}
        assert (await opened.client.post(GET_MODEL, content=BODY, headers=other)).status_code == 403


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/plain; charset=application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
        "application/json, text/plain",
        "application/json; charset=utf-16",
        "application/jsonp",
        "text/json",
    ],
)
async def test_simple_requests(open_gateway: Gateway, content_type: str | None) -> None:
    """Attack 18: what a form, or a script without a preflight, can send."""
    headers = {} if content_type is None else {"content-type": content_type}
    for path in (GET_MODEL, WATCH):
        said = await open_gateway.client.post(path, content=BODY, headers=headers)
        assert said.status_code == 415
        assert "application/json" in said.headers["accept-post"]
    twice = [("content-type", "application/json"), ("content-type", "text/plain")]
    assert (await open_gateway.client.post(GET_MODEL, content=BODY, headers=twice)).status_code == 415
    assert open_gateway.calls == 0


async def test_no_preflight_is_answered_and_nothing_may_be_framed(open_gateway: Gateway) -> None:
    """Attack 20: open CORS, clickjacking."""
    asked = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    for path in (GET_MODEL, "/", "/metrics"):
        said = await open_gateway.client.options(path, headers=asked)
        assert said.status_code in {403, 405}
        assert not [name for name in said.headers if name.startswith("access-control-")]
    for said in (
        await open_gateway.client.post(GET_MODEL, content=BODY, headers=JSON),
        await open_gateway.client.post(GET_MODEL, content=b"{", headers=JSON),
        await open_gateway.client.post("/trackway.api.x", content=b"{", headers=JSON),
    ):
        for name, value in SECURITY_HEADERS.items():
            assert said.headers[name] == value
        assert said.headers["cache-control"] == "no-store"


async def test_a_cookie_opens_nothing(open_gateway: Gateway) -> None:
    """Attack 18: sessions."""
    async with http_client(open_gateway.port) as nobody:
        for cookie in (f"token={KEY}", f"authorization=Bearer {KEY}", f"session={KEY}"):
            said = await nobody.post(GET_MODEL, content=BODY, headers={**JSON, "cookie": cookie})
            assert (said.status_code, reason_in(said.json())) == (401, "CREDENTIALS_MISSING")
            assert said.headers["www-authenticate"].startswith("Bearer")
            assert "set-cookie" not in said.headers
        said = await nobody.post(f"{GET_MODEL}?token={KEY}&authorization=Bearer%20{KEY}", content=BODY, headers=JSON)
        assert said.status_code == 401
    assert open_gateway.calls == 0


async def test_bearer_and_basic_are_the_same_caller(open_gateway: Gateway) -> None:
    async with http_client(open_gateway.port) as client:
        basic = await client.post(GET_MODEL, content=BODY, headers=JSON, auth=("anyone", KEY))
        bearer = await client.post(GET_MODEL, content=BODY, headers={**JSON, "authorization": f"bearer {KEY}"})
    assert (basic.status_code, bearer.status_code) == (200, 200)
    assert len({call.principal.name for _, _, call in open_gateway.server.seen}) == 1


async def test_guessing_keys_in_bodies_is_slow_and_slows_nobody_else(open_gateway: Gateway) -> None:
    said = [await open_gateway.client.post(EXCHANGE_KEY, json={"key": "twk_" + "x" * 43}) for _ in range(14)]
    assert said[0].status_code == 401
    assert (said[-1].status_code, reason_in(said[-1].json())) == (429, "TOO_MANY_ATTEMPTS")
    assert len(open_gateway.server.calls("ExchangeKey")) < 14
    assert (await open_gateway.client.post(GET_MODEL, content=BODY, headers=JSON)).status_code == 200


async def test_bodies_that_are_too_large() -> None:
    """Attack 26: as sent, without a length, and as decompressed."""
    async with gateway(max_body_bytes=1 << 20) as opened:
        large = b'{"name": "' + b"m" * (1 << 20) + b'"}'

        async def in_chunks() -> AsyncIterator[bytes]:
            for at in range(0, len(large), 1 << 16):
                yield large[at : at + (1 << 16)]

        zipped = {**JSON, "content-encoding": "gzip"}
        bomb = gzip.compress(bytes(64 << 20))
        for content, headers in ((large, JSON), (in_chunks(), JSON), (gzip.compress(large), zipped), (bomb, zipped)):
            said = await opened.client.post(GET_MODEL, content=content, headers=headers)
            assert (said.status_code, reason_in(said.json())) == (413, "LIMIT_EXCEEDED")
        framed = {"content-type": "application/connect+proto", "connect-content-encoding": "gzip"}
        ended = await opened.client.post(WATCH, content=enveloped(bomb, 1), headers=framed)
        ((_, end),) = unenveloped(ended.content)
        assert reason_in(json.loads(end)["error"]) == "LIMIT_EXCEEDED"
        assert opened.server.calls("GetModel") == []
        assert (await opened.client.post(GET_MODEL, content=BODY, headers=JSON)).status_code == 200


async def test_strangers_may_not_send_much(open_gateway: Gateway) -> None:
    """Attack 26: memory is for those whom the services know."""
    large = b'{"x": "' + b"m" * FREE_BYTES + b'", "name": "m"}'
    zipped = {**JSON, "content-encoding": "gzip"}
    for key, status in (("tw_" + "w" * 43, 401), (KEY, 200)):
        async with http_client(open_gateway.port, key) as client:
            for content, headers in ((large, JSON), (gzip.compress(large), zipped)):
                assert (await client.post(GET_MODEL, content=content, headers=headers)).status_code == status


async def test_a_body_that_does_not_come_to_its_end() -> None:
    """Attack 26: slow-loris, after the head."""
    async with gateway(request_s=0.3) as opened:
        head = f"POST {GET_MODEL} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
        answer = await opened.raw(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"name": "a", "name": "b"}',
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"name": -Infinity}',
        b'{"pageSize": 9223372036854775808}',
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b'{"name": {"toString": 1}}',
        b"\x1f\x8b",
        b"name=m",
        b"",
    ],
)
async def test_json_that_is_none(open_gateway: Gateway, body: bytes) -> None:
    """Attack 26: deep JSON, among others."""
    said = await open_gateway.client.post(GET_MODEL, content=body, headers=JSON)
    if b"pageSize" in body:  # unknown to this message: passed over, as Connect does
        assert said.status_code == 400
        assert reason_in(said.json()) == "INVALID_FIELD"
    else:
        assert (said.status_code, reason_in(said.json())) == (400, "MALFORMED_REQUEST")
    assert open_gateway.server.calls("GetModel") == []


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd", "x"])
async def test_encodings_that_are_not_taken(open_gateway: Gateway, encoding: str) -> None:
    said = await open_gateway.client.post(GET_MODEL, content=BODY, headers={**JSON, "content-encoding": encoding})
    assert (said.status_code, said.json()["code"]) == (415, "unimplemented")
    assert open_gateway.calls == 0


@pytest.mark.parametrize(
    "spoilt", [BODY, ZIPPED[:-3], ZIPPED + b"x", ZIPPED * 2], ids=["plain", "cut", "followed", "twice"]
)
async def test_what_is_no_gzip(open_gateway: Gateway, spoilt: bytes) -> None:
    said = await open_gateway.client.post(GET_MODEL, content=spoilt, headers={**JSON, "content-encoding": "gzip"})
    assert (said.status_code, reason_in(said.json())) == (400, "MALFORMED_REQUEST")
    good = {**JSON, "content-encoding": "gzip"}
    assert (await open_gateway.client.post(GET_MODEL, content=ZIPPED, headers=good)).status_code == 200


SMUGGLED = b"POST %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % GET_MODEL.encode()


@pytest.mark.parametrize(
    "lengths",
    [
        "Content-Length: 13\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 13\r\n",
        "Content-Length: 13\r\nContent-Length: 14\r\n",
        "Content-Length: 13, 14\r\n",
        "Content-Length: +13\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x0d\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "X: y\rContent-Length: 13\r\n",
        "X: \x00\r\n",
    ],
)
async def test_requests_in_requests(open_gateway: Gateway, lengths: str) -> None:
    """Request smuggling: two readers of one connection must not see two different requests."""
    head = f"POST {GET_MODEL} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
    sent = f"{head}Content-Type: application/json\r\n{lengths}\r\n".encode() + b"d\r\n" + BODY + b"\r\n0\r\n\r\n"
    answer = await open_gateway.raw(sent + SMUGGLED)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 ")), answer[:200]
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answer.lower()
    assert open_gateway.calls == 0


@pytest.mark.parametrize("injected", ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a%0d%0aX-Evil:%201", "a\u0120"])
async def test_headers_cannot_be_written_by_callers(open_gateway: Gateway, injected: str) -> None:
    head = f"POST {GET_MODEL} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
    sent = f"{head}Content-Type: application/json\r\nX-Request-Id: {injected}\r\nContent-Length: 2\r\n\r\n{{}}"
    answer = await open_gateway.raw(sent.encode("latin-1", "replace"))
    assert b"x-evil" not in answer.split(b"\r\n\r\n")[0].lower()


async def test_headers_of_the_request_do_not_become_metadata(open_gateway: Gateway) -> None:
    forged = {"x-trackway-service": KEY, "grpc-timeout": "1n", "x-forwarded-for": "10.0.0.1", "te": "trailers"}
    said = await open_gateway.client.post(GET_MODEL, content=BODY, headers={**JSON, **forged})
    assert said.status_code == 200
    ((_, _, call),) = open_gateway.server.seen
    assert not {"x-trackway-service", "x-forwarded-for"} & set(call.metadata)


async def test_any_body_has_a_documented_answer() -> None:
    plain = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "x", ""]), inner),
        max_leaves=10,
    )
    bodies = st.binary(max_size=200) | plain.map(lambda value: json.dumps(value).encode())
    types = st.sampled_from([*JSON.values(), *PROTO.values(), "application/connect+json", "text/plain", "x"])
    odd = st.sampled_from(
        [
            {},
            {"content-encoding": "gzip"},
            {"connect-protocol-version": "2"},
            {"connect-timeout-ms": "0"},
            {"connect-timeout-ms": "x"},
            {"last-event-id": "x"},
            {"authorization": "Basic \xff"},
        ]
    )
    async with gateway() as opened:
        loop = asyncio.get_running_loop()

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(bodies, types, odd, st.sampled_from([GET_MODEL, WATCH]))
        def answered(body: bytes, content_type: str, more: dict[str, str], path: str) -> None:
            headers = [(b"content-type", content_type.encode())]
            headers += [(name.encode(), value.encode("latin-1")) for name, value in more.items()]
            asked = opened.client.post(path, content=body, headers=headers)
            said = asyncio.run_coroutine_threadsafe(asked, loop).result(60)
            assert said.status_code in DOCUMENTED - {500, 499}
            if said.status_code != 200:
                assert {"code", "message"} <= set(said.json())

        await asyncio.to_thread(answered)


async def test_who_opens_many_connections_and_says_nothing_shuts_out_nobody() -> None:
    async with gateway(max_connections=8) as running:
        path = f"{WATCH.removesuffix('Watch')}GetModel"
        silent = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(40)]
        begun = (
            b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n"
            % path.encode()
        )
        for number, (_, writer) in enumerate(silent):
            writer.write([b"", b"GET / HT", begun, begun + b"\r\n{"][number % 4])
            await writer.drain()
        for _ in range(3):
            answer = await running.raw(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 "), answer
        assert (await running.client.post(GET_MODEL, content=BODY, headers=JSON)).status_code == 200
        for _, writer in silent:
            writer.close()
