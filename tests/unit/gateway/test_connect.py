"""RPCs over HTTP, without a socket: which there are, their JSON, and what refusals become."""

from __future__ import annotations

import importlib
import pkgutil
import random
from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from starlette.datastructures import Headers

import trackway.api
from support.filled_messages import filled
from trackway_server.core.errors import DomainError, Reason, TryLaterError
from trackway_server.core.rpc.status import STATUS_CODES, status_of
from trackway_server.gateway.connect.codec import json_of, message_of
from trackway_server.gateway.connect.headers import media_type, timeout_of
from trackway_server.gateway.connect.methods import public_rpcs
from trackway_server.gateway.connect.refusals import CONNECT_CODES, refused, refused_call
from trackway_server.gateway.connect.resuming import LONGEST_ID, event_id, resumed

RPCS = public_rpcs()
INTERNAL = {"GetRunAccess", "GetLoggedModelAccess", "GetManifestAccess", "ExchangeCertificate"}
WATCH = RPCS["/trackway.api.registry.v1.ModelRegistryService/Watch"]


def all_methods() -> Iterator[MethodDescriptor]:
    for module in pkgutil.walk_packages(trackway.api.__path__, "trackway.api."):
        if module.name.endswith("_service_pb2"):
            for service in importlib.import_module(module.name).DESCRIPTOR.services_by_name.values():
                yield from service.methods


def test_every_rpc_is_offered_save_the_internal_ones() -> None:
    paths = {f"/{method.containing_service.full_name}/{method.name}" for method in all_methods()}
    assert set(RPCS) == {path for path in paths if path.rpartition("/")[2] not in INTERNAL}
    assert len(RPCS) == len(paths) - len(INTERNAL)


def test_the_rpcs_whose_requests_hold_credentials_are_known() -> None:
    assert {rpc.name for rpc in RPCS.values() if rpc.takes_credentials} == {"ExchangeKey", "ExchangeToken"}


@pytest.mark.parametrize("path", RPCS)
def test_every_message_is_the_same_after_json(path: str) -> None:
    dice = random.Random(path)
    for message_type in (RPCS[path].request_type, RPCS[path].answer_type):
        for _ in range(3):
            message = filled(message_type, dice)
            written = json_of(message)
            assert b"\n" not in written
            again = message_of(written, message_type, path)
            assert again.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)


def test_whole_numbers_of_64_bits_are_strings_and_what_is_no_number_too() -> None:
    rpc = RPCS["/trackway.api.tracking.v1.TrackingService/ListSeries"]
    answer = rpc.answer_type()
    answer.series.add(count=2**63, last_value=float("nan"), min_value=float("-inf"))  # type: ignore[attr-defined]
    assert (
        json_of(answer)
        == b'{"series": [{"count": "9223372036854775808", "lastValue": "NaN", "minValue": "-Infinity"}]}'
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"5",
        b"{",
        b"{}{}",
        b"\xef\xbb\xbf{}",
        b'{"runId": "\xff"}',
        b'{"runId": "\\ud800"}',
        b'{"runId": "a", "runId": "b"}',
        b'{"runId": 5}',
        b'{"runId": ["a"]}',
        b'{"runId": NaN}',
        b'{"pageSize": 1e400}',
        b'{"pageSize": 1.5}',
        b'{"pageSize": 2147483648}',
        b'{"pageSize": ' + b"9" * 5000 + b"}",
        b'{"pageSize": true}',
        b"{'runId': 'a'}",
        b"[" * 200_000,
        b'{"a":' * 200_000,
    ],
)
def test_what_is_no_json_of_the_message_is_refused(body: bytes) -> None:
    request = RPCS["/trackway.api.tracking.v1.TrackingService/ListWriters"].request_type
    with pytest.raises(DomainError) as refusal:
        message_of(body, request, "/m")
    assert refusal.value.reason is Reason.MALFORMED_REQUEST


def test_unknown_fields_are_passed_over_as_connect_does() -> None:
    request = RPCS["/trackway.api.tracking.v1.TrackingService/ListWriters"].request_type
    message = message_of(b'{"runId": "a", "whatIsThis": {"deep": [1]}}', request, "/m")
    assert message.run_id == "a"  # type: ignore[attr-defined]


def failed(code: grpc.StatusCode, details: str, rich: bytes | None = None) -> grpc.aio.AioRpcError:
    trailers = grpc.aio.Metadata(*([("grpc-status-details-bin", rich)] if rich else []))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, details=details)


def test_the_table_has_every_status() -> None:
    assert set(CONNECT_CODES) == set(grpc.StatusCode) - {grpc.StatusCode.OK}
    assert len({name for name, _ in CONNECT_CODES.values()}) == 16


@pytest.mark.parametrize("code", CONNECT_CODES)
def test_what_grpc_itself_says_does_not_reach_the_caller(code: grpc.StatusCode) -> None:
    told = refused_call(failed(code, "unix:/secret/path: Connection refused (111)"), "tracking")
    assert "secret" not in told.as_json().decode()
    assert 400 <= told.status < 600


@pytest.mark.parametrize("reason", Reason)
def test_what_a_service_says_reaches_the_caller(reason: Reason) -> None:
    status = status_of(DomainError(reason, "Say so.", key="k"))
    told = refused_call(failed(status.code, status.message, status.details), "tracking")
    name, http_status = CONNECT_CODES[STATUS_CODES[reason]]
    assert (told.status, told.as_value()["code"], told.as_value()["message"]) == (http_status, name, "Say so.")
    info = told.as_value()["details"][0]
    assert info["type"] == "google.rpc.ErrorInfo"
    assert info["debug"] == {"reason": reason.name, "domain": "trackway", "metadata": {"key": "k"}}


def test_a_retry_is_told_as_http_tells_it() -> None:
    told = refused(TryLaterError("Later.", 7, limit="l", maximum="1"))
    assert told.all_headers["Retry-After"] == "7"
    assert told.status == 429


def test_details_that_cannot_be_read_are_left_out() -> None:
    told = refused_call(failed(grpc.StatusCode.NOT_FOUND, "secret", b"\xff\xff"), "tracking")
    assert told.as_value() == refused_call(failed(grpc.StatusCode.NOT_FOUND, "other"), "tracking").as_value()
    strange = Status(code=5, details=[])
    strange.details.add().Pack(RetryInfo())
    strange.details.add(type_url="type.googleapis.com/what.is.This", value=b"\xff")
    strange.details.add().Pack(ErrorInfo(reason="RUN_NOT_FOUND", domain="trackway"))
    value = refused_call(failed(grpc.StatusCode.NOT_FOUND, "m", strange.SerializeToString()), "tracking").as_value()
    assert [detail["type"] for detail in value["details"]][1] == "what.is.This"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["application/json"], "application/json"),
        (["Application/JSON; charset=UTF-8"], "application/json"),
        (['application/json;charset="utf-8"'], "application/json"),
        (["application/json; charset=utf-16"], ""),
        (["text/plain"], "text/plain"),
        (["application/json, text/plain"], "application/json, text/plain"),
        (["application/json", "text/plain"], ""),
        ([], ""),
    ],
)
def test_the_media_type_of_a_body(given: list[str], found: str) -> None:
    assert media_type(Headers(raw=[(b"content-type", one.encode()) for one in given])) == found


@pytest.mark.parametrize("given", ["", "-1", "1.5", "12345678901", "x", "٣", "1 "])
def test_a_timeout_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(DomainError):
        timeout_of(Headers(raw=[(b"connect-timeout-ms", given.encode())]))


def test_an_event_has_an_id_where_it_fits_a_line_and_a_header() -> None:
    def id_of(token: str) -> bytes:
        return event_id(WATCH, WATCH.answer_type(resume_token=token).SerializeToString())

    assert id_of("abc") == b"abc"
    for token in ("", "a\nid: b", "a\0", "é", "x" * (LONGEST_ID + 1)):
        assert id_of(token) == b""
    series = RPCS["/trackway.api.tracking.v1.TrackingService/ReadSeries"]
    assert event_id(series, b"") == b""
    assert resumed(series, "abc") == b""
    assert WATCH.request_type.FromString(resumed(WATCH, "abc")).resume_token == "abc"  # type: ignore[attr-defined]


def test_a_position_of_bytes_comes_back_as_it_was() -> None:
    follow = RPCS["/trackway.api.tracking.v1.TrackingService/Follow"]
    position = bytes(range(256))
    told = event_id(follow, follow.answer_type(position=position).SerializeToString())
    asked = follow.request_type.FromString(resumed(follow, told.decode()))
    assert asked.position == position  # type: ignore[attr-defined]
    assert event_id(follow, follow.answer_type(position=bytes(LONGEST_ID)).SerializeToString()) == b""
    for wrong in ("é", "a", "%%%%"):
        with pytest.raises(DomainError):
            resumed(follow, wrong)
