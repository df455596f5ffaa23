"""The table from statuses and reasons to exceptions is total and says what the contract says."""

from __future__ import annotations

import inspect
import json
import pickle
import re
from pathlib import Path

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2

from trackway import errors
from trackway._rpc import status
from trackway._rpc.retry import service_config
from trackway.api.common.v1 import errors_pb2
from trackway.config import parse_uri

CONTRACT = Path(__file__).parents[3] / "protos" / "trackway" / "api" / "common" / "v1" / "errors.proto"
SITE = status.CallSite(parse_uri("trackway://127.0.0.1:7701"), "TrackingService.GetRun", "0123")
CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.TrackwayError)]


def failure(
    code: grpc.StatusCode, details: str = "", metadata: tuple[tuple[str, str | bytes], ...] = ()
) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*metadata), details)


def refusal(code: grpc.StatusCode, reason: str, domain: str = "trackway", **metadata: str) -> grpc.aio.AioRpcError:
    packed = Any()
    packed.Pack(error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=metadata))
    details = status_pb2.Status(code=code.value[0], message="said", details=[packed]).SerializeToString()
    return failure(code, "The server says so.", (("grpc-status-details-bin", details),))


def documented() -> dict[str, str]:
    """Reason → status, as the comments of the contract state them."""
    return dict(re.findall(r"// ERROR_REASON_(\w+) \((\w+)[;)]", CONTRACT.read_text()))


@pytest.mark.parametrize("code", list(grpc.StatusCode), ids=lambda code: code.name)
def test_every_status_becomes_an_exception(code: grpc.StatusCode) -> None:
    error = status.error_of(failure(code), SITE)
    dropped = code is grpc.StatusCode.CANCELLED  # by a server that stops: nobody here cancelled it
    assert type(error) is (errors.Unavailable if dropped else status.BY_STATUS[code])
    assert error.request_id == "0123"
    assert str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("name", errors_pb2.ErrorReason.keys())
def test_every_reason_becomes_an_exception(name: str) -> None:
    assert name.removeprefix("ERROR_REASON_") in status.BY_REASON


def test_no_reason_is_invented() -> None:
    assert {f"ERROR_REASON_{reason}" for reason in status.BY_REASON} == set(errors_pb2.ErrorReason.keys())


@pytest.mark.parametrize(("reason", "code"), documented().items())
def test_a_reason_is_of_the_class_of_its_status(reason: str, code: str) -> None:
    assert status.BY_REASON[reason] is status.BY_STATUS[grpc.StatusCode[code]]
    assert type(status.error_of(refusal(grpc.StatusCode[code], reason), SITE)) is status.BY_REASON[reason]


def test_the_contract_documents_every_reason() -> None:
    assert len(documented()) == len(errors_pb2.ErrorReason.keys()) - 1


def test_a_refusal_keeps_what_the_server_said() -> None:
    error = status.error_of(refusal(grpc.StatusCode.NOT_FOUND, "RUN_NOT_FOUND", run_id="abc"), SITE)
    assert isinstance(error, errors.NotFound)
    assert (error.message, error.reason, error.metadata) == ("The server says so.", "RUN_NOT_FOUND", {"run_id": "abc"})


def test_the_request_id_of_an_internal_error_is_the_servers() -> None:
    error = status.error_of(refusal(grpc.StatusCode.INTERNAL, "INTERNAL", request_id="from-server"), SITE)
    assert error.request_id == "from-server"


def test_a_reason_of_a_newer_server_falls_back_to_its_status() -> None:
    error = status.error_of(refusal(grpc.StatusCode.FAILED_PRECONDITION, "FROM_THE_FUTURE"), SITE)
    assert type(error) is errors.FailedPrecondition
    assert error.reason == "FROM_THE_FUTURE"


@pytest.mark.parametrize("details", [b"\xff\xff", b"", b"\n"])
def test_details_that_are_no_message_are_passed_over(details: bytes) -> None:
    failed = failure(grpc.StatusCode.NOT_FOUND, "x", (("grpc-status-details-bin", details),))
    assert type(status.error_of(failed, SITE)) is errors.NotFound


def test_details_of_another_system_are_passed_over() -> None:
    assert status.error_of(refusal(grpc.StatusCode.NOT_FOUND, "RUN_NOT_FOUND", domain="other"), SITE).reason == ""


@pytest.mark.parametrize(
    ("code", "said", "sentence"),
    [
        (grpc.StatusCode.UNAVAILABLE, "failed to connect", 'start one with "trackway server"'),
        (grpc.StatusCode.UNAVAILABLE, "DNS resolution failed for x", "host of trackway://127.0.0.1:7701 is not known"),
        (grpc.StatusCode.UNAVAILABLE, "Trying to connect an http1.x server", "speaks HTTP, not gRPC"),
        (grpc.StatusCode.CANCELLED, "RST_STREAM", "stopped during"),
        (grpc.StatusCode.UNIMPLEMENTED, "Method not found!", "older than this client"),
        (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "Received message larger than max",
            "larger than what the two sides allow",
        ),
        (grpc.StatusCode.INTERNAL, "driver text", "its log has request 0123"),
    ],
)
def test_what_the_transport_says_becomes_a_sentence(code: grpc.StatusCode, said: str, sentence: str) -> None:
    message = status.error_of(failure(code, said), SITE).message
    assert sentence in message
    assert said not in message


@pytest.mark.parametrize("reason", ["CREDENTIALS_MISSING", "CREDENTIALS_INVALID"])
def test_a_wrong_key_says_where_keys_come_from(reason: str) -> None:
    message = status.error_of(refusal(grpc.StatusCode.UNAUTHENTICATED, reason), SITE).message
    assert "TRACKWAY_TOKEN" in message
    assert "profile" in message


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_exceptions_travel_between_processes(kind: type[errors.TrackwayError]) -> None:
    error = pickle.loads(pickle.dumps(kind("what", reason="R", metadata={"a": "b"}, request_id="9")))
    assert (type(error), error.message, error.reason, error.metadata, error.request_id) == (
        kind, "what", "R", {"a": "b"}, "9",
    )  # fmt: skip


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_the_tree_in_the_docstring_has_every_class(kind: type[errors.TrackwayError]) -> None:
    assert re.search(rf"\b{kind.__name__}\b", errors.__doc__ or "")


def test_python_s_own_kinds() -> None:
    assert issubclass(errors.InvalidArgument, ValueError)
    assert issubclass(errors.NotFound, LookupError)


CUTS = [
    (grpc.StatusCode.CANCELLED, "CANCELLED"),  # by a server that stops
    (grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2"),  # by nginx and Envoy without their server
    (grpc.StatusCode.UNKNOWN, "Stream removed (Data frame with END_STREAM flag received)"),  # by HAProxy
    (grpc.StatusCode.INTERNAL, "Internal error from Core"),  # by any of them while this side was writing
]


@pytest.mark.parametrize(("code", "said"), CUTS)
def test_a_call_that_was_cut_on_its_way_may_be_repeated(code: grpc.StatusCode, said: str) -> None:
    error = status.error_of(failure(code, said), SITE)
    assert isinstance(error, errors.Unavailable)
    assert "try again" in error.message


def test_grpc_repeats_what_a_stopping_server_dropped() -> None:
    policy = json.loads(service_config())["methodConfig"][0]["retryPolicy"]
    assert set(policy["retryableStatusCodes"]) == {"UNAVAILABLE", "CANCELLED"}
