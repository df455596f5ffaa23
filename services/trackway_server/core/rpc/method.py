"""One RPC of a server: its name, shape and implementation, and the permission it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from trackway_server.core.auth.principal import Permission, Scope
from trackway_server.core.lifecycle import StartupError
from trackway_server.core.rpc.call import ServiceBinding


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC. `permission` is None where anybody may call: health, and what its policy says is PUBLIC."""

    service: str
    name: str
    streams_requests: bool
    streams_responses: bool
    request_type: type[Message]
    implementation: Callable[..., Any]
    permission: Permission | None
    is_probe: bool = False
    """Called every few seconds by machinery, so its calls are logged at debug level only."""

    @property
    def path(self) -> str:
        """`/trackway.api.tracking.v1.TrackingService/GetRun`."""
        return f"/{self.service}/{self.name}"


def methods_of(bindings: Sequence[ServiceBinding]) -> Iterator[Method]:
    """Every RPC of the services. Raises StartupError for one without a permission or an implementation."""
    for binding in bindings:
        _refuse_strangers(binding)
        for descriptor in binding.descriptor.methods:
            yield _method(binding, descriptor)


def _method(binding: ServiceBinding, descriptor: MethodDescriptor) -> Method:
    service, name = binding.descriptor.full_name, descriptor.name
    if name not in binding.policy:
        raise StartupError(f"{service}/{name} has no entry in its service's policy; add one")
    implementation = getattr(binding.servicer, name, None)
    if not callable(implementation):
        raise StartupError(f"{service}/{name} has no implementation")
    request_type = GetMessageClass(descriptor.input_type)
    streams = descriptor.client_streaming, descriptor.server_streaming
    permission = binding.policy[name]
    needed = None if permission.scope is Scope.PUBLIC else permission
    return Method(service, name, *streams, request_type, implementation, needed)


def _refuse_strangers(binding: ServiceBinding) -> None:
    strangers = sorted(set(binding.policy) - {method.name for method in binding.descriptor.methods})
    if strangers:
        raise StartupError(f"the policy of {binding.descriptor.full_name} names unknown RPCs: {', '.join(strangers)}")
