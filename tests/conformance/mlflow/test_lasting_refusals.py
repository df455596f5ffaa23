"""What is refused for good is no 429 over MLflow's REST API: its clients repeat a 429 seven times, for four minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc

from support.auth_serving import auth_server
from support.gateway_serving import http_client
from trackway.api.common.v1.limits_pb2 import limits
from trackway.api.metrics.v1.ingest_pb2 import ParamsSet, TagsChange
from trackway_server.core.errors import DomainError, Reason, TryLaterError
from trackway_server.core.rpc.status import DETAILS_KEY, refusal_of, status_of
from trackway_server.gateway.mlflow.endpoint import PREFIXES, refusal_answer
from trackway_server.gateway.mlflow.errors import of_refusal
from trackway_server.gateway.mlflow.lengths import MAX_PARAM_BYTES, MAX_TAG_BYTES

LASTING = DomainError(Reason.LIMIT_EXCEEDED, "It is too much.", limit="tags", maximum="5")
PASSING = TryLaterError("It is too much at once.", 1.5, limit="calls", maximum="5")


def failed(error: DomainError) -> grpc.aio.AioRpcError:
    """The call that a service refuses."""
    status = status_of(error)
    trailers = grpc.aio.Metadata((DETAILS_KEY, status.details))
    return grpc.aio.AioRpcError(status.code, grpc.aio.Metadata(), trailers, status.message)


def test_only_a_limit_that_passes_by_itself_is_to_be_tried_again() -> None:
    lasting, passing = (of_refusal(refusal_of(failed(error), service="tracking")) for error in (LASTING, PASSING))
    assert (lasting.status, lasting.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert (passing.status, passing.error_code) == (429, "RESOURCE_EXHAUSTED")
    assert of_refusal(LASTING).status == 400


def test_what_is_to_be_tried_again_says_when() -> None:
    passed_on = refusal_of(failed(PASSING), service="tracking")
    assert isinstance(passed_on, TryLaterError)
    assert passed_on.metadata == PASSING.metadata
    assert refusal_answer(passed_on).headers["Retry-After"] == "2"
    assert "Retry-After" not in refusal_answer(LASTING).headers


async def test_a_body_and_a_run_that_are_too_large_are_invalid(tmp_path: Path) -> None:
    async with auth_server(tmp_path) as server, http_client(server.http_port, server.admin_key) as client:
        made = await client.post(PREFIXES[0] + "/runs/create", json={"experiment_id": "0"})
        run_id = made.json()["run"]["info"]["run_id"]

        async def said(length: int, key: str) -> tuple[int, str]:
            param = {"run_id": run_id, "key": key, "value": "x" * length}
            answer = await client.post(PREFIXES[0] + "/runs/log-parameter", json=param)
            return answer.status_code, answer.json().get("error_code", "")

        assert await said(17 << 20, "body") == (400, "INVALID_PARAMETER_VALUE")
        for number in range(3):
            assert await said(4 << 20, f"large {number}") == (200, "")
        assert await said(4 << 20, "one too many") == (400, "INVALID_PARAMETER_VALUE")


async def test_values_that_are_too_long_are_cut_and_fail_no_run(tmp_path: Path) -> None:
    long = "é" * (3 << 20)
    async with auth_server(tmp_path) as server, http_client(server.http_port, server.admin_key) as client:

        async def done(path: str, **body: Any) -> Any:
            answer = await client.post(PREFIXES[0] + path, json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()

        made = await done("/runs/create", experiment_id="0", tags=[{"key": "first", "value": long}])
        run_id = made["run"]["info"]["run_id"]
        for _ in range(2):  # the same is the same
            await done("/runs/log-parameter", run_id=run_id, key="p", value=long)
        await done("/runs/log-batch", run_id=run_id, params=[{"key": "p", "value": long}])
        await done("/runs/set-tag", run_id=run_id, key="t", value=long)
        changed = {"run_id": run_id, "key": "p", "value": long + "!"}
        assert (await client.post(PREFIXES[0] + "/runs/log-parameter", json=changed)).status_code == 400

        found = (await client.get(PREFIXES[0] + "/runs/get", params={"run_id": run_id})).json()["run"]["data"]
        (param,) = (each["value"] for each in found["params"])
        tags = {each["key"]: each["value"] for each in found["tags"]}
        assert (4 << 20) - 1 <= len(param.encode()) <= 4 << 20
        for text in (param, tags["first"], tags["t"]):
            assert "[cut off here: 6,291,456 bytes in all, SHA-256 " in text[-80:]
        assert len(tags["t"].encode()) <= 1 << 20


def test_the_limits_are_those_of_the_proto() -> None:
    params, tags = ParamsSet.DESCRIPTOR.fields_by_name["params"], TagsChange.DESCRIPTOR.fields_by_name["set"]
    assert params.GetOptions().Extensions[limits].max_bytes == MAX_PARAM_BYTES
    assert tags.GetOptions().Extensions[limits].max_bytes == MAX_TAG_BYTES
