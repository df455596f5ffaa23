"""The ASGI application that answers MLflow's REST API, under both of its prefixes."""

from __future__ import annotations

import asyncio
import codecs
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import grpc
import structlog
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from trackway_server.core.errors import DomainError
from trackway_server.gateway.bodies import Bodies, ClientGoneError
from trackway_server.gateway.callers import Caller, Callers
from trackway_server.gateway.channels import Channels
from trackway_server.gateway.config import GatewaySettings
from trackway_server.gateway.connect.codec import strict_json
from trackway_server.gateway.connect.headers import media_type
from trackway_server.gateway.mlflow import (
    artifacts,
    datasets,
    edges,
    experiments,
    histories,
    logged_models,
    metrics,
    model_versions,
    presigned,
    registered_models,
    runs,
    webhooks,
)
from trackway_server.gateway.mlflow.errors import MlflowError, invalid, of_call, of_refusal
from trackway_server.gateway.mlflow.parameters import Parameters, Repeated, camel_case
from trackway_server.gateway.mlflow.pretty import Table, pretty_json
from trackway_server.gateway.mlflow.routing import Found, Handler, Router
from trackway_server.gateway.mlflow.session import Session
from trackway_server.gateway.patience import await_body
from trackway_server.gateway.places import Places
from trackway_server.gateway.waiting import presence

PREFIXES = ("/api/2.0/mlflow", "/ajax-api/2.0/mlflow")

ROUTER = Router(
    (
        experiments.ROUTES,
        runs.ROUTES,
        metrics.ROUTES,
        histories.ROUTES,
        datasets.ROUTES,
        registered_models.ROUTES,
        model_versions.ROUTES,
        webhooks.ROUTES,
        logged_models.ROUTES,
        edges.ROUTES,
        artifacts.ROUTES,
        presigned.ROUTES,
    )
)
PROXY_ROUTER = Router((artifacts.PROXY_ROUTES, presigned.PROXY_ROUTES))
"""Below `artifacts.PREFIXES`."""

REFUSALS = (MlflowError, DomainError, grpc.aio.AioRpcError, ClientGoneError)

_log = structlog.get_logger(__name__)
_MANY = 1000
"""Items of a list that are printed in a thread of their own."""
_MOST_PARAMETERS = 1000
_UNKNOWN = (
    "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try "
    "again."
)
_UNALLOWED = "The method is not allowed for the requested URL."
_NEEDING_A_TYPE = frozenset({"POST", "PUT"})
"""The others no page of another site sends without asking first."""


@dataclass(frozen=True, slots=True)
class _Route:
    path: str


class MlflowEndpoint:
    """Answers what a router has below some prefixes; what it does not know, as MLflow's server answers it."""

    def __init__(
        self,
        channels: Channels,
        callers: Callers,
        settings: GatewaySettings,
        prefixes: Sequence[str] = PREFIXES,
        router: Router = ROUTER,
    ) -> None:
        self._prefixes = prefixes
        self._router = router
        self._channels = channels
        self._callers = callers
        self._settings = settings
        self._bodies = Bodies(settings.max_body_bytes, settings.request_s)
        self._histories = Places(settings.max_histories, settings.rpc_timeout_s, "histories")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._router.find(self._below_prefix(scope["path"]))
        if found is None:
            await _page(404, "Not Found", _UNKNOWN)(scope, receive, send)
            return
        scope["route"] = _Route(self._prefixes[0] + found.path)
        await_body(scope, self._bodies.carried(Headers(scope=scope)))
        if scope["method"] not in found.handlers:
            allowed = {"Allow": ", ".join(found.handlers)}
            await _page(405, "Method Not Allowed", _UNALLOWED, allowed)(scope, receive, send)
            return
        async with AsyncExitStack() as held:
            response = await self._response(found, scope, receive, held)
            try:
                # What takes a place has to be taken, too: who reads byte by byte would keep it for ever.
                async with asyncio.timeout(self._settings.rpc_timeout_s if found.path in histories.ROUTES else None):
                    await response(scope, receive, send)
            except TimeoutError:
                _log.warning("answer_not_taken", route=found.path)

    async def _response(self, found: Found, scope: Scope, receive: Receive, held: AsyncExitStack) -> Response:
        try:
            caller, session = await self._session(found, scope, receive)
            if found.path in histories.ROUTES:
                await held.enter_async_context(self._histories.one())
            value = await self._answered(found.handlers[scope["method"]], caller, session, receive)
            if any(isinstance(each, list | Table) and len(each) > _MANY for each in value.values()):
                return await asyncio.to_thread(json_answer, 200, value)  # a second of a processor: others go on
            return json_answer(200, value)
        except REFUSALS as error:
            return refusal_answer(error)

    async def _session(self, found: Found, scope: Scope, receive: Receive) -> tuple[Caller, Session]:
        headers = Headers(scope=scope)
        if scope["method"] in _NEEDING_A_TYPE and media_type(headers) != "application/json":
            raise invalid(
                "Bad Request. Content-Type must be one of ['application/json']."
                if headers.get("content-type")
                else "Bad Request. Content-Type header is missing."
            )
        caller = await self._callers.of(scope, headers.get("authorization"))
        async with self._bodies.body(headers, receive, lambda: self._callers.check(caller)) as body:
            in_address = scope["method"] == "GET" and (scope["query_string"] or not body.raw)
            given = query_of(scope) if in_address else _object(body.raw)  # curl's examples of GET have bodies
        of_path = {camel_case(name) for name in found.given}
        session = Session(
            Parameters({name: value for name, value in given.items() if name not in of_path} | dict(found.given)),
            self._channels,
            caller.metadata,
            caller.presented or "",
            headers.get("x-mlflow-workspace", ""),
            self._settings.rpc_timeout_s,
        )
        return caller, session

    async def _answered(self, handler: Handler, caller: Caller, session: Session, receive: Receive) -> dict[str, Any]:
        try:
            async with presence(receive) as client:
                return await client.during(_run(handler, session))
        except grpc.aio.AioRpcError as error:
            self._callers.note(caller, error, guessed=False)
            raise

    def _below_prefix(self, path: str) -> str:
        return next((path.removeprefix(prefix) for prefix in self._prefixes if path.startswith(prefix + "/")), "")


def _page(status: int, title: str, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """Of what is no route MLflow's server answers a page, which its clients show to their users."""
    page = f"<!doctype html>\n<html lang=en>\n<title>{status} {title}</title>\n<h1>{title}</h1>\n<p>{text}</p>\n"
    return Response(page, status, headers, media_type="text/html")


async def _run(handler: Handler, session: Session) -> dict[str, Any]:
    return await handler(session)


def query_of(scope: Scope) -> dict[str, Any]:
    """The parameters in the address of a request. Raises MlflowError where there are too many."""
    found: dict[str, Any] = {}
    text = scope["query_string"].decode("latin-1")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise invalid(f"The address has too many parameters: at most {_MOST_PARAMETERS} are taken.") from None
    for name, value in pairs:
        found.setdefault(name, Repeated()).append(value)
    return found


def _object(raw: bytes) -> dict[str, Any]:
    """The object of a body, or none in it; MLflow's oldest clients send it as a string of JSON."""
    try:
        value = strict_json(raw.removeprefix(codecs.BOM_UTF8).strip() or b"{}")
        if isinstance(value, str):
            value = strict_json(value.encode())
        if b"\\" in raw:
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no character
    except ValueError as error:
        raise invalid(f"The body is no JSON: {error}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid("The body must be a JSON object.")
    return value


def refusal_answer(error: Exception) -> Response:
    """What is answered where one of REFUSALS is raised."""
    match error:
        case MlflowError():
            refused = error
        case DomainError():
            refused = of_refusal(error)
        case grpc.aio.AioRpcError():
            refused = of_call(error)
        case _:
            refused = MlflowError("CANCELLED", "The client has gone.")
    headers = {"WWW-Authenticate": 'Bearer realm="Trackway"'} if refused.status == 401 else {}
    if refused.retry_after_s:
        headers["Retry-After"] = str(math.ceil(refused.retry_after_s))
    return json_answer(refused.status, refused.as_value(), headers)


def json_answer(status: int, value: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """An object, indented as MLflow's server does."""
    return Response(pretty_json(value), status, headers, media_type="application/json")
