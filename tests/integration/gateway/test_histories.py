"""MLflow's histories of metrics take much memory: so many are read at once, and others are not held up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import httpx
import pytest

from support.auth_serving import auth_server
from support.gateway_serving import gateway_before, http_client
from trackway_server.gateway.mlflow import histories
from trackway_server.gateway.mlflow.session import Session

API = "/api/2.0/mlflow"


@asynccontextmanager
async def serving(folder: Path, **settings: float) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """A client, and the id of a run with a metric `loss`."""
    async with (
        auth_server(folder) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        gateway_before(channel, **settings) as port,
        http_client(port, server.admin_key) as client,
    ):
        made = await client.post(f"{API}/runs/create", json={"experiment_id": "0", "start_time": 5})
        run_id = made.json()["run"]["info"]["run_id"]
        point = {"run_id": run_id, "key": "loss", "value": 1.0, "timestamp": 1, "step": 0}
        assert (await client.post(f"{API}/runs/log-metric", json=point)).status_code == 200
        yield client, run_id


async def test_histories_wait_for_one_another_and_nobody_waits_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on, reading, read = asyncio.Event(), asyncio.Event(), histories.get_history
    under_way: list[Session] = []

    async def held(session: Session) -> dict[str, object]:
        under_way.append(session)
        reading.set()
        await going_on.wait()
        under_way.pop()
        return await read(session)

    monkeypatch.setitem(histories.ROUTES["/metrics/get-history"], "GET", held)  # type: ignore[index]
    async with serving(tmp_path, max_histories=1) as (client, run_id):
        asked = {"run_id": run_id, "metric_key": "loss"}
        several = [
            asyncio.create_task(client.get(f"{API}/metrics/get-history", params=asked, timeout=60)) for _ in range(5)
        ]
        await reading.wait()
        assert (await client.get(f"{API}/runs/get", params=asked)).status_code == 200
        assert len(under_way) == 1
        going_on.set()
        answers = await asyncio.gather(*several)
    assert [len(answer.json()["metrics"]) for answer in answers] == [1] * 5


async def test_who_waits_too_long_is_told_to_try_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    going_on, reading = asyncio.Event(), asyncio.Event()

    async def held(*_: object) -> dict[str, object]:
        reading.set()
        await going_on.wait()
        return {}

    monkeypatch.setitem(histories.ROUTES["/metrics/get-history"], "GET", held)  # type: ignore[index]
    async with serving(tmp_path, max_histories=1, rpc_timeout_s=2.0) as (client, run_id):
        asked = {"run_id": run_id, "metric_key": "loss"}
        first = asyncio.create_task(client.get(f"{API}/metrics/get-history", params=asked, timeout=60))
        await reading.wait()
        second = await client.get(f"{API}/metrics/get-history", params=asked, timeout=60)
        going_on.set()
        await first
    assert (second.status_code, second.json()["error_code"]) == (429, "RESOURCE_EXHAUSTED")
    assert second.headers["Retry-After"] == "5"
