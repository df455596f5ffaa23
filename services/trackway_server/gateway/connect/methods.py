"""The RPCs that are offered over HTTP, by their paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from trackway.api.artifacts.v1 import artifact_store_service_pb2
from trackway.api.auth.v1 import auth_service_pb2
from trackway.api.common.v1 import methods_pb2
from trackway.api.registry.v1 import model_registry_service_pb2
from trackway.api.tracking.v1 import tracking_service_pb2

SERVICES: Mapping[str, ServiceDescriptor] = {
    "tracking": tracking_service_pb2.DESCRIPTOR.services_by_name["TrackingService"],
    "artifacts": artifact_store_service_pb2.DESCRIPTOR.services_by_name["ArtifactStoreService"],
    "registry": model_registry_service_pb2.DESCRIPTOR.services_by_name["ModelRegistryService"],
    "auth": auth_service_pb2.DESCRIPTOR.services_by_name["AuthService"],
}
"""By the names that their channels have."""

RESUMED_BY = ("resume_token", "position")
"""The names that a field has, of requests and of answers, by which a stream goes on from where it was."""

_TEXT_AND_BYTES = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


@dataclass(frozen=True, slots=True)
class Rpc:
    """One RPC."""

    path: str
    """`/trackway.api.tracking.v1.TrackingService/GetRun`."""
    name: str
    service: str
    """See SERVICES."""
    request_type: type[Message]
    answer_type: type[Message]
    streams_requests: bool
    streams_answers: bool
    takes_credentials: bool
    resumed_by: FieldDescriptor | None
    """The field of the request that takes what the field of this name in an answer holds, to go on from there."""


def public_rpcs() -> Mapping[str, Rpc]:
    """All RPCs by path, but for those that are internal."""
    return {rpc.path: rpc for name, service in SERVICES.items() for rpc in _of_service(name, service)}


def _of_service(name: str, service: ServiceDescriptor) -> Iterator[Rpc]:
    for method in service.methods:
        noted: Any = method.GetOptions().Extensions[methods_pb2.rpc]  # type: ignore[index,unused-ignore]
        if not noted.internal:
            yield Rpc(
                path=f"/{service.full_name}/{method.name}",
                name=method.name,
                service=name,
                request_type=GetMessageClass(method.input_type),
                answer_type=GetMessageClass(method.output_type),
                streams_requests=method.client_streaming,
                streams_answers=method.server_streaming,
                takes_credentials=noted.takes_credentials,
                resumed_by=_resumed_by(method) if method.server_streaming else None,
            )


def _resumed_by(method: MethodDescriptor) -> FieldDescriptor | None:
    for name in RESUMED_BY:
        asked, told = (message.fields_by_name.get(name) for message in (method.input_type, method.output_type))
        if asked is not None and told is not None and asked.type == told.type and asked.type in _TEXT_AND_BYTES:
            return asked
    return None
