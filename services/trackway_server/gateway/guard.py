"""The outermost layer of the gateway: which requests are answered at all, and the headers every answer carries."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trackway_server.gateway.hosts import AllowedHosts, AllowedOrigins

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

SANDBOX_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
"""The only other policy that an answer may have: for bytes that somebody uploaded."""

_READING = ("GET", "HEAD")
_OWN_ORIGIN = AllowedOrigins()


class Guard:
    """Refuses foreign hosts, and whatever could change something from another site's pages; adds the security headers.

    `pages` are only read; what lies below the prefixes of `apis` says itself which methods it takes.
    """

    def __init__(
        self,
        pages: ASGIApp,
        allowed_hosts: AllowedHosts,
        apis: Mapping[str, ASGIApp] | None = None,
        allowed_origins: AllowedOrigins = _OWN_ORIGIN,
    ) -> None:
        self._pages = pages
        self._apis = apis or {}
        self._allowed_hosts = allowed_hosts
        self._allowed_origins = allowed_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        api = next((app for prefix, app in self._apis.items() if scope["path"].startswith(prefix)), None)
        refusal = self._refusal(scope, Headers(scope=scope), is_page=api is None)
        await (refusal or api or self._pages)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope, headers: Headers, *, is_page: bool) -> PlainTextResponse | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._allowed_hosts.admit(hosts[0]):
            message = "This host name is not served here. Allow it with TRACKWAY_GATEWAY_ALLOWED_HOSTS.\n"
            return PlainTextResponse(message, 403)
        if "transfer-encoding" in headers and "content-length" in headers:
            # A proxy may read the one and uvicorn the other: two requests for the one, one for the other.
            message = "A request has a Content-Length or a Transfer-Encoding, not both.\n"
            return PlainTextResponse(message, 400, {"Connection": "close"})
        if scope["method"] in _READING:
            return None
        if is_page:
            return PlainTextResponse("Only GET and HEAD are answered.\n", 405, {"Allow": ", ".join(_READING)})
        if not self._allowed_origins.admit(headers.getlist("origin"), headers.getlist("sec-fetch-site"), hosts[0]):
            message = "Pages of other sites may not call this. Allow one with TRACKWAY_GATEWAY_ALLOWED_ORIGINS.\n"
            return PlainTextResponse(message, 403)
        return None


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            sandboxed = headers.get("Content-Security-Policy") == SANDBOX_POLICY
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
            if sandboxed:
                headers["Content-Security-Policy"] = SANDBOX_POLICY
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return send_with_headers
