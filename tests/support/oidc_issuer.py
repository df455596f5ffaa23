"""A real OIDC issuer on this machine: an HTTP server with a discovery document and keys, which signs tokens."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

AUDIENCE = "https://trackway.test"
DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/keys"


class Issuer:
    """The issuer. What it answers may be changed while it runs; `asked` are the paths it was asked for."""

    def __init__(self, port: int, scheme: str = "http") -> None:
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.asked: list[str] = []
        self.presented: list[str] = []
        """What stood in `authorization`, by question."""
        self.keys: list[RSAKey | ECKey] = []
        self.discovery: dict[str, Any] = {"issuer": self.url, "jwks_uri": f"{self.url}{JWKS}"}
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        """By path: what is answered instead."""
        self.rotate("first")

    def rotate(self, kid: str, *, keep: bool = False) -> None:
        """Publish a new key, alone or beside the others; it signs from now on."""
        made = RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})
        self.keys = [made, *(self.keys if keep else [])]

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Claims that are right, with changes; None takes one out."""
        now = int(time.time())
        whole = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "repo:acme/vision:ref:refs/heads/main",
            "repository": "acme/vision",
            "ref": "refs/heads/main",
            "iat": now,
            "nbf": now - 10,
            "exp": now + 600,
        }
        return {name: value for name, value in {**whole, **changed}.items() if value is not None}

    def token(self, *, key: Any = None, header: dict[str, Any] | None = None, **changed: Any) -> str:
        """A token with these claims, signed by the newest key."""
        signer = key or self.keys[0]
        head = {"alg": "RS256", "kid": str(self.keys[0].kid), "typ": "JWT", **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, self.claims(**changed), signer, algorithms=[head["alg"]])

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content."""
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        if path == DISCOVERY:
            return 200, {}, json.dumps(self.discovery).encode()
        if path == JWKS:
            return 200, {}, json.dumps({"keys": [key.as_dict(private=False) for key in self.keys]}).encode()
        return 404, {}, b""

    def settings(self, **changed: str) -> str:
        """This issuer in an identities file; `changed` are values in TOML."""
        values = {
            "name": '"ci"',
            "issuer": f'"{self.url}"',
            "audiences": f'["{AUDIENCE}"]',
            "subject": '"repository"',
            "allow_http_loopback": "true",
            "rules": '[{claims = {repository = "acme/*", ref = "refs/heads/main"}, roles = {default = "editor"}}]',
            **changed,
        }
        return "[[issuers]]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())


@contextmanager
def oidc_issuer(tls: ssl.SSLContext | None = None) -> Iterator[Issuer]:
    """A running issuer, over TLS where a context is given."""
    issuer: Issuer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.presented.append(self.headers.get("authorization", ""))
            status, headers, content = issuer.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        issuer = Issuer(server.server_port, "http" if tls is None else "https")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()


def identities_file(folder: Path, *parts: str) -> Path:
    """An identities file with these parts."""
    file = folder / "identities.toml"
    file.write_text("\n".join(parts))
    return file
