"""The table of reasons: the domain's, the protos' and the statuses are one."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from trackway.api.common.v1 import errors_pb2
from trackway_server.core.errors import DomainError, Kind, Reason
from trackway_server.core.rpc.status import RETRY_AFTER_SECONDS, STATUS_CODES, error_info, status_of
from trackway_server.core.rpc.violations import FieldViolation, InvalidFieldsError

PROTO = Path(__file__).parents[3] / "protos" / "trackway" / "api" / "common" / "v1" / "errors.proto"


def details(error: DomainError, message: type) -> list:
    rich = status_pb2.Status.FromString(status_of(error).details)
    found = []
    for packed in rich.details:
        detail = message()
        if packed.Unpack(detail):
            found.append(detail)
    return found


def test_reasons_are_those_of_the_proto_by_name_and_number() -> None:
    proto = {name.removeprefix("ERROR_REASON_"): number for name, number in errors_pb2.ErrorReason.items() if number}
    assert proto == {reason.name: reason.number for reason in Reason}


def test_the_proto_documents_every_reason_with_its_status() -> None:
    documented = dict(re.findall(r"// ERROR_REASON_(\w+) \((\w+)", PROTO.read_text()))
    assert documented == {reason.name: reason.kind.name for reason in Reason}


def test_every_reason_has_a_status_and_every_kind_is_a_status() -> None:
    assert set(STATUS_CODES) == set(Reason)
    assert all(kind.name in grpc.StatusCode.__members__ for kind in Kind)
    assert grpc.StatusCode.UNKNOWN not in STATUS_CODES.values()
    assert set(STATUS_CODES.values()) == {grpc.StatusCode[kind.name] for kind in Kind}


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_every_refusal_carries_exactly_one_error_info(reason: Reason) -> None:
    error = DomainError(reason, "No.", run_id="r")
    status = status_of(error)
    (info,) = details(error, error_details_pb2.ErrorInfo)
    assert (info.reason, info.domain, dict(info.metadata)) == (reason.name, "trackway", {"run_id": "r"})
    assert status.code is STATUS_CODES[reason]
    assert status_pb2.Status.FromString(status.details).code == status.code.value[0]
    assert len(details(error, error_details_pb2.RetryInfo)) == (reason in RETRY_AFTER_SECONDS)


def test_an_invalid_field_raised_by_the_domain_becomes_a_field_violation() -> None:
    error = DomainError(Reason.INVALID_FIELD, "status: must be an end.", field="status")
    (bad,) = details(error, error_details_pb2.BadRequest)
    assert [violation.field for violation in bad.field_violations] == ["status"]


@pytest.mark.parametrize("character", ["f", "日", "\ud800"])
def test_long_texts_are_cut_to_fit_the_trailers(character: str) -> None:
    violations = [FieldViolation(character * 10_000, character * 10_000)] * 8
    status = status_of(InvalidFieldsError(violations))
    on_the_wire = len(quote(status.message)) + len(status.details) * 4 / 3
    assert on_the_wire < 7500


def test_error_info_passes_over_what_is_not_ours() -> None:
    assert error_info([("grpc-status-details-bin", b"\xff\xff"), ("x", "y")]) is None
