"""The gateway of a real server, with what strangers wrote in it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from trackway.client import Client
from trackway.testing import LocalServer

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture(scope="module")
def run_id(server: LocalServer) -> str:
    """A run whose every text is hostile."""
    with Client(server.uri, token=server.token) as client:
        experiment = client.tracking.create_experiment(HOSTILE, tags={"note": HOSTILE})
        run = client.tracking.create_run(
            experiment_id=experiment.experiment_id, run_name=HOSTILE, user_id=HOSTILE, tags={"t": HOSTILE}
        )
        client.tracking.log_params(run.info.run_id, {"p": HOSTILE})
        client.tracking.update_run(run.info.run_id, status="FAILED", status_message=HOSTILE)
        client.registry.create_model("<b onclick=x>model", description=HOSTILE, tags={"t": HOSTILE})
        return run.info.run_id


@pytest.fixture
def browser(server: LocalServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.http_url, auth=("anyone", server.token)) as client:
        yield client


def test_alive_and_ready_are_open(server: LocalServer) -> None:
    assert httpx.get(f"{server.http_url}/healthz").text == "ok\n"
    assert httpx.get(f"{server.http_url}/readyz").text == "ready\n"


@pytest.mark.parametrize("path", ["/", "/metrics", "/runs/" + "0" * 32])
def test_everything_else_asks_for_the_key(server: LocalServer, path: str) -> None:
    for auth in (None, ("anyone", "tw_" + "x" * 43), ("anyone", "")):
        response = httpx.get(f"{server.http_url}{path}", auth=auth)
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Basic ")
        assert "admin.key" in response.text


def test_a_program_signs_in_with_a_bearer_token(server: LocalServer) -> None:
    response = httpx.get(server.http_url, headers={"authorization": f"Bearer {server.token}"})
    assert response.status_code == 200


def test_a_key_in_the_address_is_not_taken(server: LocalServer) -> None:
    assert httpx.get(f"{server.http_url}/?token={server.token}").status_code == 401


def test_hostile_names_are_shown_as_text(browser: httpx.Client, run_id: str) -> None:
    for path in ("/", f"/runs/{run_id}"):
        response = browser.get(path)
        assert response.status_code == 200
        assert "<script" not in response.text
        assert "<img" not in response.text
        assert "<b " not in response.text
        assert "&lt;script&gt;alert" in response.text
        assert "script-src" not in response.headers["content-security-policy"]


def test_runs_of_one_experiment_and_earlier_pages(server: LocalServer, browser: httpx.Client, run_id: str) -> None:
    with Client(server.uri, token=server.token) as client:
        experiment = client.tracking.create_experiment("many")
        for number in range(55):
            client.tracking.create_run(experiment_id=experiment.experiment_id, run_name=f"number-{number}")
    first = browser.get("/", params={"experiment": experiment.experiment_id})
    assert first.text.count("<code>01") >= 50
    assert run_id not in first.text
    link = first.text.split('">Earlier runs')[0].rpartition('href="')[2].replace("&amp;", "&")
    second = browser.get(link)
    assert second.status_code == 200
    assert "number-0<" in second.text
    assert "number-54<" not in second.text
    assert "Earlier runs" not in second.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runs/" + "0" * 32, 404),
        ("/runs/nonsense", 400),
        ("/runs/..%2f..%2fetc", 404),
        ("/?experiment=nonsense", 400),
        ("/?page=nonsense", 400),
        ("/?experiment=" + "9" * 5000, 400),
        ("/nothing", 404),
    ],
)
def test_wrong_addresses_are_one_line(browser: httpx.Client, path: str, status: int) -> None:
    response = browser.get(path)
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/plain")
    assert len(response.text) < 200


def test_metrics_count_the_calls(browser: httpx.Client) -> None:
    browser.get("/")
    response = browser.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert 'trackway_rpc_calls_total{method="SearchRuns"' in response.text


def test_a_rebound_name_is_refused(browser: httpx.Client) -> None:
    response = browser.get("/", headers={"host": "attacker.example:7700"})
    assert response.status_code == 403
    assert "script" not in response.text


def test_requests_that_are_no_http_do_not_hurt(server: LocalServer) -> None:
    import socket

    port = int(server.http_url.rpartition(":")[2])
    for bytes_sent in (
        b"\x00\xff" * 100,
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 100_000,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(bytes_sent)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
    assert httpx.get(f"{server.http_url}/healthz").status_code == 200


def key_for(server: LocalServer, name: str) -> str:
    with Client(server.uri, token=server.token) as client:
        client.auth.create_principal(name, "USER")
        client.auth.grant_role(name, "VIEWER")
        return client.auth.create_key(name).secret


def test_an_api_key_signs_in_as_password_and_as_bearer(server: LocalServer) -> None:
    key = key_for(server, "vera")
    for sent in ({"auth": ("anyone", key)}, {"headers": {"authorization": f"Bearer {key}"}}):
        for path in ("/", "/metrics"):
            assert httpx.get(f"{server.http_url}{path}", **sent).status_code == 200  # type: ignore[arg-type]


def test_a_wrong_api_key_is_refused_and_many_are_made_to_wait(server: LocalServer) -> None:
    key = key_for(server, "walt")
    answers = []
    for number in range(15):
        wrong = f"twk_{number:012x}_{'x' * 43}"
        answers.append(httpx.get(server.http_url, auth=("anyone", wrong)))
    assert answers[0].status_code == 401
    assert answers[0].headers["www-authenticate"].startswith("Basic ")
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    with Client(server.uri, token=key) as client:
        assert client.auth.get_self().name == "walt"  # the auth service itself is not shut to others
