"""Fetching a JSON document from an issuer: bounded in time and size, no redirect followed, nothing of it told on."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from trackway_server.auth.identities import IssuerSettings
from trackway_server.auth.oidc.urls import UrlError, check_url, is_loopback

FETCH_SECONDS = 5.0
MOST_BYTES = 256 << 10
_MOST_BEARER_BYTES = 16 << 10


class FetchError(Exception):
    """The document cannot be had. Why, in a few words that follow the name of the issuer."""


async def fetch_json(url: str, issuer: IssuerSettings) -> dict[str, Any]:
    """The JSON object at the address. Raises FetchError."""
    import httpx  # costs start-up time that servers without issuers need not spend

    try:
        parts = check_url(url, allow_http_loopback=issuer.allow_http_loopback)
        plain = parts.scheme == "http"
        async with asyncio.timeout(FETCH_SECONDS):
            context = await asyncio.to_thread(_context, issuer.ca_file)
            headers = {"accept": "application/json", "accept-encoding": "identity"}
            if bearer := await asyncio.to_thread(_bearer, issuer.bearer_file):
                headers["authorization"] = f"Bearer {bearer.get_secret_value()}"
            async with (
                httpx.AsyncClient(verify=context, follow_redirects=False, trust_env=not plain) as client,
                client.stream("GET", url, headers=headers) as response,
            ):
                _check_answer(response, plain=plain)
                return _object(await _content(response))
    except UrlError as error:
        raise FetchError(f"cannot be asked: {error}") from error
    except TimeoutError as error:
        raise FetchError(f"does not answer within {FETCH_SECONDS:g} seconds") from error
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
        raise FetchError("cannot be reached") from error


def _context(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))


def _bearer(file: Path | None) -> SecretStr | None:
    if file is None:
        return None
    with file.open("rb") as stream:
        return SecretStr(stream.read(_MOST_BEARER_BYTES).decode("ascii", "replace").strip())


def _check_answer(response: Any, *, plain: bool) -> None:
    if plain:
        address = response.extensions["network_stream"].get_extra_info("server_addr")
        if not is_loopback(str(address[0])):
            raise FetchError("is not on this machine, and http:// is for this machine alone")
    if response.is_redirect:
        raise FetchError("answers with a redirect, and none is followed")
    if response.status_code != 200:
        raise FetchError(f"answers with status {response.status_code}")


async def _content(response: Any) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_raw():  # never decompressed
        content += chunk
        if len(content) > MOST_BYTES:
            raise FetchError(f"answers with more than {MOST_BYTES >> 10} KiB")
    return bytes(content)


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FetchError("answers with something that is no JSON") from error
    if not isinstance(found, dict):
        raise FetchError("answers with something that is no JSON object")
    return found
