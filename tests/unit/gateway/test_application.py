"""The application without sockets: what is answered before a service is asked, and when none answers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import httpx
import pytest

from trackway_server.core.telemetry import Telemetry
from trackway_server.gateway.application import build_application
from trackway_server.gateway.channels import Channels
from trackway_server.gateway.config import GatewaySettings
from trackway_server.gateway.guard import SECURITY_HEADERS


@pytest.fixture
async def browser(tmp_path: object) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway whose services are not there."""
    async with grpc.aio.insecure_channel(f"unix:{tmp_path}/nobody") as channel:
        app = build_application(Channels.all_to(channel), "127.0.0.1", GatewaySettings(call_timeout_s=1), Telemetry())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7700") as client:
            yield client


async def test_alive_does_not_depend_on_the_services(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/healthz")
    assert (response.status_code, response.text) == (200, "ok\n")


async def test_ready_names_the_services_that_do_not_serve(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/readyz")
    assert response.status_code == 503
    assert response.text == "not serving: tracking, artifacts, registry\n"


@pytest.mark.parametrize("path", ["/", "/metrics", "/runs/abc"])
async def test_pages_say_in_one_line_that_a_service_is_away(browser: httpx.AsyncClient, path: str) -> None:
    response = await browser.get(path)
    assert response.status_code == 503
    assert response.text.count("\n") == 1
    assert "unix" not in response.text


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/static/style.css", "/nothing"])
async def test_every_answer_carries_the_security_headers(browser: httpx.AsyncClient, path: str) -> None:
    response = await browser.get(path)
    for name, value in SECURITY_HEADERS.items():
        assert response.headers[name] == value
    assert "cache-control" in response.headers
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7700", "localhost.evil.example", ""])
async def test_a_foreign_host_is_refused_everywhere(browser: httpx.AsyncClient, host: str) -> None:
    for path in ("/", "/healthz", "/metrics"):
        response = await browser.get(path, headers={"host": host})
        assert response.status_code == 403
        assert response.headers["content-type"].startswith("text/plain")


async def test_two_host_headers_are_refused(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/healthz", headers=[("host", "localhost"), ("host", "evil.example")])
    assert response.status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_nothing_but_reading_is_answered(browser: httpx.AsyncClient, method: str) -> None:
    response = await browser.request(method, "/", content=b"{}", headers={"content-type": "text/plain"})
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"


async def test_head_answers_without_a_body(browser: httpx.AsyncClient) -> None:
    response = await browser.head("/healthz")
    assert (response.status_code, response.content) == (200, b"")


async def test_the_style_needs_no_key_and_is_css(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/static/style.css")
    assert response.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme" in response.text or "light dark" in response.text


@pytest.mark.parametrize(
    "path", ["/static/../config.py", "/static/%2e%2e/config.py", "/static/", "/templates/base.html"]
)
async def test_no_other_file_is_served(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(path)).status_code == 404
