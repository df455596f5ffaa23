"""For any RPC: a request that breaks no limit, made from its descriptor, and a call of whatever shape, as raw bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from support.refusals import refused
from trackway.api.common.v1 import limits_pb2
from trackway_server.core.rpc.validation import limits_of

RUN = "ab" * 16
BY_FORMAT: Mapping[int, str] = {
    limits_pb2.FORMAT_RUN_ID: RUN,
    limits_pb2.FORMAT_WRITER_ID: "cd" * 16,
    limits_pb2.FORMAT_EXPERIMENT_ID: "1",
    limits_pb2.FORMAT_WORKSPACE: "default",
    limits_pb2.FORMAT_SUBJECT_ID: RUN,
    limits_pb2.FORMAT_ARTIFACT_OWNER: f"runs/{RUN}",
    limits_pb2.FORMAT_LOGGED_MODEL_ID: f"m-{RUN}",
    limits_pb2.FORMAT_DIGEST: "sha256:" + "0" * 64,
}
BY_NAME = {"stage": "Staging", "source": f"runs:/{RUN}/model"}
FIRST_OF_STREAM = {"Ingest": "open", "UploadArtifact": "header"}


def request_of(method: MethodDescriptor) -> Message:
    """A request with every required field, and every id that names something."""
    message: Any = GetMessageClass(method.input_type)()
    first = FIRST_OF_STREAM.get(method.name)
    _fill(getattr(message, first) if first else message)
    if method.name == "Ingest" and method.containing_service.name == "ModelRegistryService":
        message.open.subject_id = "something/1"
    if first:
        getattr(message, first).SetInParent()
    return message  # type: ignore[no-any-return]


def _fill(message: Any) -> None:
    for field in message.DESCRIPTOR.fields:
        limits = limits_of(field)
        if field.is_repeated:
            if limits.required and field.message_type is None:
                getattr(message, field.name).append(_value(field, limits))
            continue
        if field.message_type is not None:
            if limits.required:
                _fill(getattr(message, field.name))
                getattr(message, field.name).SetInParent()
            continue
        if limits.required or (limits.format in BY_FORMAT and field.name not in ("workspace", "manifest_digest")):
            setattr(message, field.name, _value(field, limits))


def _value(field: FieldDescriptor, limits: limits_pb2.Limits) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return BY_NAME.get(field.name) or BY_FORMAT.get(limits.format, "something")
    return max(1, limits.minimum)


async def outcome(
    channel: grpc.aio.Channel, method: MethodDescriptor, request: bytes, metadata: tuple[tuple[str, str], ...]
) -> tuple[str, str]:
    """How a call ends: status and reason; `OK` without a reason, for a stream after its first answer."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    sends, answers = method.client_streaming, method.server_streaming
    kind = f"{'stream' if sends else 'unary'}_{'stream' if answers else 'unary'}"
    call = getattr(channel, kind)(path)(**({} if sends else {"request": request}), metadata=metadata, timeout=10)
    try:
        if sends:
            await call.write(request)
            await call.done_writing()
        answer = await (call.read() if answers else call)
        while sends and answers and answer is not grpc.aio.EOF:  # a refusal may come as a message, then as the status
            answer = await call.read()
        if answers and call.done():
            await call.code()
            if await call.code() is not grpc.StatusCode.OK:
                return _of(await _failed(call))
    except grpc.aio.AioRpcError as error:
        return _of(error)
    except grpc.aio.UsageError:
        return _of(await _failed(call))
    finally:
        call.cancel()
    return "OK", ""


async def _failed(call: Any) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(
        await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details()
    )


def _of(error: grpc.aio.AioRpcError) -> tuple[str, str]:
    found = refused(error)
    return found.code.name, found.reason
