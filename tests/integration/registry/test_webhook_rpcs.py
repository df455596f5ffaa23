"""Webhooks over real connections: who is told what, in which order, signed how; and what goes wrong.

The RPCs are CreateWebhook, GetWebhook, ListWebhooks, UpdateWebhook, DeleteWebhook and TestWebhook.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from support.certificates import Authority
from support.registry_serving import Served, Upstream, serve_registry, serve_upstream
from support.registry_worlds import SOURCE
from support.webhook_receiver import Receiver, receiver
from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway.api.registry.v1 import resources_pb2
from trackway_server.core.auth import authenticator
from trackway_server.core.auth.principal import LOCAL_ADMIN, Role
from trackway_server.core.outbound.posting import Poster, PostError
from trackway_server.core.outbound.resolving import Resolver
from trackway_server.core.outbound.urls import Outbound
from trackway_server.core.rpc.status import error_info
from trackway_server.registry.domain.events import EventKind

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
KINDS = [kind.value for kind in EventKind]
QUICK = {
    "webhook_allow_http": True,
    "webhook_allow_private_hosts": True,
    "webhook_first_pause_s": 0.01,
    "webhook_longest_pause_s": 0.05,
    "webhook_timeout_s": 60,
}


@asynccontextmanager
async def registry(folder: Path, **settings: object) -> AsyncIterator[Served]:
    async with serve_upstream(Upstream()) as address, serve_registry(folder, address, **settings) as served:
        yield served


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with registry(tmp_path, **QUICK) as running:
        yield running


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiver() as running:
        yield running


async def made(served: Served, url: str, **more: Any) -> resources_pb2.Webhook:
    request = pb.CreateWebhookRequest(**{"name": "ci", "url": url, "events": KINDS, "secret": SECRET, **more})
    return (await served.stub.CreateWebhook(request)).webhook


async def model(served: Served, name: str) -> None:
    await served.stub.CreateModel(pb.CreateModelRequest(name=name))


async def refused(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    info = error_info(failed.value.trailing_metadata() or ())
    assert info is not None
    return str(info.reason)


async def until(
    served: Served, webhook_id: str, holds: Callable[[resources_pb2.Webhook], object]
) -> resources_pb2.Webhook:
    async with asyncio.timeout(60):
        while True:
            found = (await served.stub.GetWebhook(pb.GetWebhookRequest(webhook_id=webhook_id))).webhook
            if holds(found):
                return found
            await asyncio.sleep(0.01)


async def test_a_webhook_from_its_making_to_its_deletion(served: Served, hook: Receiver, tmp_path: Path) -> None:
    first = await made(served, hook.url("/first"), description="d")
    assert (first.name, first.workspace, first.description, first.url) == ("ci", "default", "d", hook.url("/first"))
    assert list(first.events) == KINDS
    assert (first.payload, first.status, first.has_secret) == (1, 1, True)
    second = await made(served, hook.url("/second"), secret="", status=2, events=[1, 1])
    assert (list(second.events), second.status, second.has_secret) == ([1], 2, False)

    page = await served.stub.ListWebhooks(pb.ListWebhooksRequest(page_size=1))
    assert list(page.webhooks) == [second]
    rest = await served.stub.ListWebhooks(pb.ListWebhooksRequest(page_size=1, page_token=page.next_page_token))
    assert (list(rest.webhooks), rest.next_page_token) == ([first], "")
    assert not (await served.stub.ListWebhooks(pb.ListWebhooksRequest(payload=2))).webhooks
    assert await refused(served.stub.ListWebhooks(pb.ListWebhooksRequest(page_token="x"))) == "PAGE_TOKEN_INVALID"

    change = pb.UpdateWebhookRequest(webhook_id=first.webhook_id, name="cd", description="", events=[11], secret="")
    changed = (await served.stub.UpdateWebhook(change)).webhook
    assert (changed.name, changed.description, list(changed.events), changed.has_secret) == ("cd", "", [11], False)
    assert changed.url == first.url
    for empty in ({"name": ""}, {"url": ""}, {"events": [0]}):
        wrong = pb.UpdateWebhookRequest(webhook_id=first.webhook_id, **empty)  # type: ignore[arg-type]
        assert await refused(served.stub.UpdateWebhook(wrong)) == "INVALID_FIELD"

    await served.stub.DeleteWebhook(pb.DeleteWebhookRequest(webhook_id=first.webhook_id))
    for gone in (
        served.stub.GetWebhook(pb.GetWebhookRequest(webhook_id=first.webhook_id)),
        served.stub.UpdateWebhook(pb.UpdateWebhookRequest(webhook_id=first.webhook_id)),
        served.stub.DeleteWebhook(pb.DeleteWebhookRequest(webhook_id=first.webhook_id)),
        served.stub.TestWebhook(pb.TestWebhookRequest(webhook_id="none")),
    ):
        assert await refused(gone) == "WEBHOOK_NOT_FOUND"


async def test_every_change_is_told_once_in_order_and_signed(served: Served, hook: Receiver) -> None:
    """Attack 29: id, time and body are signed, so that a receiver refuses what is forged or old."""
    webhook = await made(served, hook.url())
    await served.stub.CreateModel(pb.CreateModelRequest(name="digits é", tags={"a": "1"}))
    await served.stub.CreateVersion(pb.CreateVersionRequest(name="digits é", source=SOURCE))
    move = pb.TransitionStageRequest(name="digits é", version=1, stage="Staging", reason="good")
    await served.stub.TransitionStage(move)
    await served.stub.SetAlias(pb.SetAliasRequest(name="digits é", alias="champion", version=1))
    told = await hook.wait(5)
    events = (await served.stub.ListEvents(pb.ListEventsRequest())).events
    assert [each.value["id"] for each in told] == [event.event_id for event in events]
    for each, event in zip(told, events, strict=True):
        assert each.signature(b"k" * 32)
        assert each.headers["webhook-id"] == event.event_id
        assert each.headers["content-type"] == "application/cloudevents+json"
        assert (each.value["specversion"], each.value["source"]) == ("1.0", "/trackway/workspaces/default/registry")
        assert each.value["data"]["resume_token"] == event.resume_token
        for changed in ({"webhook-id": "x"}, {"webhook-timestamp": "1"}):
            assert not replace(each, headers={**each.headers, **changed}).signature(b"k" * 32)
        assert not replace(each, body=each.body + b" ").signature(b"k" * 32)
    staged = told[3].value
    assert (staged["type"], staged["subject"]) == ("trackway.registry.stage_changed", "models/digits é/versions/1")
    assert staged["data"]["details"] == {"from_stage": "None", "to_stage": "Staging"}
    assert (staged["data"]["actor"], staged["data"]["reason"]) == ("admin", "good")
    found = await until(served, webhook.webhook_id, lambda one: one.deliveries.delivered_count == 5)
    assert (found.deliveries.last_http_status, found.deliveries.last_error) == (200, "")
    assert found.deliveries.last_event_id == events[-1].event_id


async def test_what_happened_before_or_while_disabled_is_not_told(served: Served, hook: Receiver) -> None:
    await model(served, "before")
    webhook = await made(served, hook.url(), events=[EventKind.MODEL_CREATED.value])
    await model(served, "first")
    await hook.wait(1)
    await served.stub.UpdateWebhook(pb.UpdateWebhookRequest(webhook_id=webhook.webhook_id, status=2))
    await model(served, "meanwhile")
    await served.stub.UpdateWebhook(pb.UpdateWebhookRequest(webhook_id=webhook.webhook_id, status=1))
    await served.stub.UpdateModel(pb.UpdateModelRequest(name="first", description="another kind"))
    await model(served, "then")
    assert [each.value["data"]["model_name"] for each in await hook.wait(2)] == ["first", "then"]


async def test_failures_are_tried_again_and_hold_up_nobody_else(served: Served, hook: Receiver) -> None:
    hook.answers["/failing"] = [(500, {}), (429, {"Retry-After": "0"}), (404, {}), (302, {"Location": "/x"}), (200, {})]
    hook.held["/slow"] = asyncio.Event()
    failing, slow, well = [await made(served, hook.url(path)) for path in ("/failing", "/slow", "/well")]
    for name in ("a", "b", "c"):
        await model(served, name)
    await hook.wait(3, "/well")
    tried = await hook.wait(7, "/failing")
    assert [each.value["data"]["model_name"] for each in tried] == ["a"] * 5 + ["b", "c"]
    assert len({each.headers["webhook-id"] for each in tried[:5]}) == 1
    assert not hook.of("/x"), "a redirect was followed"
    assert len(hook.of("/slow")) == 1
    hook.held["/slow"].set()
    await hook.wait(3, "/slow")
    for webhook in (failing, slow, well):
        found = await until(served, webhook.webhook_id, lambda one: one.deliveries.delivered_count == 3)
        assert not found.deliveries.failing_since_time_us


async def test_slow_receivers_of_a_workspace_hold_up_no_other(
    tmp_path: Path, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_both = replace(LOCAL_ADMIN, roles={"default": Role.ADMIN, "other": Role.ADMIN})
    monkeypatch.setattr(authenticator, "LOCAL_ADMIN", of_both)
    async with registry(tmp_path, **QUICK, webhook_deliveries_at_once=4) as served:
        for number in range(12):
            hook.held[f"/slow{number}"] = asyncio.Event()
            await made(served, hook.url(f"/slow{number}"))
        await made(served, hook.url("/quick"), workspace="other")
        await model(served, "a")
        await hook.wait(1, "/slow0")
        await served.stub.CreateModel(pb.CreateModelRequest(name="b", workspace="other"))
        await hook.wait(1, "/quick")
        for event in hook.held.values():
            event.set()
        for number in range(12):
            await hook.wait(1, f"/slow{number}")


async def test_retry_after_is_honoured_and_a_change_ends_the_wait(served: Served, hook: Receiver) -> None:
    hook.answers["/busy"] = [(503, {"Retry-After": "3600"}), (200, {})]
    webhook = await made(served, hook.url("/busy"))
    await model(served, "m")
    waiting = await until(served, webhook.webhook_id, lambda one: one.deliveries.attempts)
    deliveries = waiting.deliveries
    assert deliveries.next_attempt_time_us - deliveries.last_attempt_time_us >= 3_599_000_000
    assert (deliveries.last_http_status, deliveries.attempts) == (503, 1)
    assert deliveries.failing_since_time_us == deliveries.last_attempt_time_us
    assert "503" in deliveries.last_error
    await served.stub.UpdateWebhook(pb.UpdateWebhookRequest(webhook_id=webhook.webhook_id, name="patient"))
    await hook.wait(2, "/busy")


async def test_what_a_receiver_refuses_for_good_is_passed_over(served: Served, hook: Receiver) -> None:
    hook.answers["/strict"] = [(422, {}), (200, {})]
    webhook = await made(served, hook.url("/strict"))
    for name in ("a", "b"):
        await model(served, name)
    told = await hook.wait(2, "/strict")
    assert [each.value["data"]["model_name"] for each in told] == ["a", "b"]
    found = await until(served, webhook.webhook_id, lambda one: one.deliveries.delivered_count)
    assert found.deliveries.refused_count == 1


async def test_a_test_is_one_delivery_and_tells_nothing_of_the_answer(served: Served, hook: Receiver) -> None:
    webhook = await made(served, hook.url("/t"), status=2, events=[EventKind.STAGE_CHANGED.value])
    told = await served.stub.TestWebhook(pb.TestWebhookRequest(webhook_id=webhook.webhook_id))
    assert (told.delivered, told.http_status, told.error) == (True, 200, "")
    (sent,) = hook.of("/t")
    assert sent.value["type"] == "trackway.registry.stage_changed"
    assert sent.signature(b"k" * 32)
    hook.answers["/t"] = [(500, {})]
    for kind in KINDS:
        told = await served.stub.TestWebhook(pb.TestWebhookRequest(webhook_id=webhook.webhook_id, event=kind))
        assert (told.delivered, told.http_status, told.error) == (False, 500, "the receiver answered with status 500")
    assert (await served.stub.GetWebhook(pb.GetWebhookRequest(webhook_id=webhook.webhook_id))).webhook == webhook


async def test_secrets_are_nowhere_to_be_read(tmp_path: Path, hook: Receiver) -> None:
    async with registry(tmp_path, **QUICK) as served:
        webhook = await made(served, hook.url(), secret="a secret nobody reads")
        assert "nobody" not in str(webhook)
        key = tmp_path / "webhook.key"
        assert key.stat().st_mode & 0o777 == 0o600
        for file in tmp_path.glob("registry.db*"):
            assert b"nobody reads" not in file.read_bytes()
    async with registry(tmp_path, **QUICK) as served:
        await model(served, "m")
        (told,) = await hook.wait(1)
        assert told.signature(b"a secret nobody reads")
    key.write_text(base64.urlsafe_b64encode(b"another key of this many bytes!!").decode())
    async with registry(tmp_path, **QUICK) as served:
        told = await served.stub.TestWebhook(pb.TestWebhookRequest(webhook_id=webhook.webhook_id))
        assert not told.delivered
        assert "another key" in told.error
    key.write_text("no key")
    async with registry(tmp_path, **QUICK) as served:
        assert await refused(made(served, hook.url())) == "WEBHOOK_SECRETS_UNAVAILABLE"


async def test_what_is_refused_at_once(tmp_path: Path) -> None:
    """Attack 9: nothing but https to public addresses, unless the operator says so."""
    async with registry(tmp_path) as served:
        for url in ("http://receiver.example/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "x"):
            assert await refused(made(served, url)) == "WEBHOOK_URL_REFUSED", url
        taken = await made(served, "https://receiver.invalid/", status=2)
        change = pb.UpdateWebhookRequest(webhook_id=taken.webhook_id, url="https://169.254.169.254/latest")
        assert await refused(served.stub.UpdateWebhook(change)) == "WEBHOOK_URL_REFUSED"
        assert await refused(made(served, "https://receiver.invalid/", events=[])) == "INVALID_FIELD"
        assert await refused(made(served, "https://receiver.invalid/", events=[0])) == "INVALID_FIELD"
        mlflow = {"payload": 2, "events": [EventKind.STAGE_CHANGED.value]}
        assert await refused(made(served, "https://receiver.invalid/", **mlflow)) == "INVALID_FIELD"
        for _ in range(99):
            await made(served, "https://receiver.invalid/", status=2)
        assert await refused(made(served, "https://receiver.invalid/", status=2)) == "LIMIT_EXCEEDED"


async def test_a_name_that_leads_inside_is_never_connected_to(hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack 9, DNS rebinding: the address is looked at that is connected to, whatever the name meant before."""
    real, asked = socket.getaddrinfo, []

    def rebound(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1", port, *args, **options) if host == "rebound.example" else real(host, port)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    url = f"http://rebound.example:{hook.port}/hook"
    with pytest.raises(PostError, match="not one of the public network") as failed:
        await Poster(Outbound(allow_http=True)).post(url, {}, b"{}")
    assert failed.value.refused
    assert (asked, hook.connections) == (["rebound.example"], 0)
    answer = await Poster(Outbound(allow_http=True, allow_private=True)).post(url, {}, b"{}")
    assert answer.status == 200
    assert hook.deliveries[0].headers["host"] == f"rebound.example:{hook.port}"


async def test_slow_names_of_a_party_hold_up_no_other(hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    real, answered, asked = socket.getaddrinfo, threading.Event(), []

    def slow(host: Any, *args: Any, **options: Any) -> Any:
        if not str(host).endswith(".slow.example"):
            return real("127.0.0.1", *args, **options)
        asked.append(host)
        answered.wait(60)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    resolver = Resolver(threads=16, of_a_party=8)
    for attempt in range(2):  # a caller that goes away leaves its thread behind
        names = [f"n{attempt}-{number}.slow.example" for number in range(40)]
        waiting = [asyncio.ensure_future(resolver.addresses(name, 80, "bad")) for name in names]
        async with asyncio.timeout(60):
            while len(asked) < 8:
                await asyncio.sleep(0.01)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert await resolver.addresses("quick.example", hook.port, "good") == ["127.0.0.1"]
    assert len(asked) == 8
    answered.set()
    assert await resolver.addresses("quick.example", hook.port, "bad") == ["127.0.0.1"]
    resolver.close()
    with pytest.raises(OSError, match="stops"):
        await resolver.addresses("quick.example", hook.port)


async def test_proxies_of_the_environment_are_not_asked(hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver() as proxy:
        for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        await Poster(Outbound(allow_http=True, allow_private=True)).post(hook.url(), {}, b"{}")
        assert (len(hook.deliveries), proxy.connections) == (1, 0)


async def test_what_does_not_answer(hook: Receiver) -> None:
    impatient = Poster(Outbound(allow_http=True, allow_private=True, seconds=0.2))
    poster = Poster(Outbound(allow_http=True, allow_private=True, seconds=60))
    hook.held["/never"] = asyncio.Event()
    with pytest.raises(PostError, match=r"no answer within 0\.2 seconds"):
        await impatient.post(hook.url("/never"), {}, b"{}")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(PostError, match="cannot be reached"):
            await poster.post(f"http://127.0.0.1:{bound.getsockname()[1]}/", {}, b"{}")
    with pytest.raises(PostError):  # TLS, where none is spoken
        await impatient.post(f"https://127.0.0.1:{hook.port}/", {}, b"{}")


async def test_tls_is_checked_against_the_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    async with receiver(context) as secure:
        trusting = Outbound(allow_private=True, ca_file=authority.file)
        assert (await Poster(trusting).post(secure.url(host="localhost"), {}, b"{}")).status == 200
        with pytest.raises(PostError, match="certificate"):  # which is not for this name
            await Poster(trusting).post(secure.url(), {}, b"{}")
        with pytest.raises(PostError, match="certificate"):
            await Poster(Outbound(allow_private=True)).post(secure.url(host="localhost"), {}, b"{}")
