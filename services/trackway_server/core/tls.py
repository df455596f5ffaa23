"""TLS of the listeners: certificate, key and authority of clients from files, read again when the files change."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from trackway_server.core.lifecycle import StartupError

LOG = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
"""How often the files are looked at. A look is one stat a file: renewals come as renames, links and mounts."""

_Signature = tuple[tuple[int, int, int] | None, ...]


class TlsError(StartupError):
    """The files cannot be used. One sentence that names the file and says what to do."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where certificate and key are, and the authority whose clients are let in."""

    cert: Path
    """PEM: the server's certificate, then those between it and the authority that clients trust."""
    key: Path
    client_ca: Path | None = None
    """PEM. Given: clients must show a certificate of it."""
    http_client_optional: bool = False
    """HTTP clients (browsers, probes) may come without a certificate; one that is shown is checked all the same."""


@dataclass(frozen=True, slots=True)
class Material:
    """What the files held at one moment, checked."""

    cert: bytes
    key: bytes = field(repr=False)
    client_ca: bytes | None
    not_after: datetime
    context: ssl.SSLContext
    """For HTTP."""

    def grpc_configuration(self) -> grpc.ServerCertificateConfiguration:
        """The same for gRPC."""
        return grpc.ssl_server_certificate_configuration([(self.key, self.cert)], self.client_ca)


def read_material(files: TlsFiles) -> Material:
    """Read and check the files. Raises TlsError."""
    cert, key = _read(files.cert, "--tls-cert"), _read(files.key, "--tls-key")
    client_ca = None if files.client_ca is None else _read(files.client_ca, "--tls-client-ca")
    leaf = _certificates(cert, files.cert)[0]
    _check_key(key, leaf, files)
    _check_time(leaf, files.cert)
    if client_ca is not None and files.client_ca is not None:
        _certificates(client_ca, files.client_ca)
    context = _http_context(files)
    if (cert, key) != (_read(files.cert, "--tls-cert"), _read(files.key, "--tls-key")):
        raise TlsError(f"{files.cert} and {files.key} changed while they were read: try again")
    return Material(cert, key, client_ca, leaf.not_valid_after_utc, context)


class ServerTls:
    """The TLS of a server's listeners. New connections get the newest usable files; open ones go on as they began."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises TlsError where the files cannot be used."""
        self._files = files
        self._signature = _signature(files)
        self._unsettled: _Signature | None = None
        self._material = read_material(files)
        self._listening = self._material.context

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Credentials for one gRPC listener. They ask for the newest certificate at each handshake."""
        given = self._material

        def newest() -> grpc.ServerCertificateConfiguration | None:
            nonlocal given
            if self._material is given:
                return None
            given = self._material
            return given.grpc_configuration()

        return grpc.dynamic_ssl_server_credentials(
            given.grpc_configuration(),
            newest,  # type: ignore[arg-type] # None is "no change"; the stubs do not know it
            require_client_authentication=self._files.client_ca is not None,
        )

    def http_context(self) -> ssl.SSLContext:
        """The context for HTTP listeners. Each handshake goes on in the newest one."""

        def use_newest(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = self._material.context

        self._listening.sni_callback = use_newest
        return self._listening

    @asynccontextmanager
    async def following_files(self) -> AsyncIterator[None]:
        """Inside the block, files that change are read again; those that cannot be used are told once, in the log."""
        follower = asyncio.create_task(self._follow(), name="tls-files")
        try:
            yield
        finally:
            follower.cancel()
            await asyncio.wait([follower])

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await asyncio.to_thread(self.reload)

    def reload(self) -> None:
        """Look at the files, and take over what changed. Those that cannot be used leave all as it was."""
        signature = _signature(self._files)
        if signature == self._signature:
            return
        try:
            material = read_material(self._files)
        except TlsError as error:
            if signature != self._unsettled:
                self._unsettled = signature  # perhaps the key is there already and the certificate is still to come
                return
            LOG.warning("tls_files_refused", reason=str(error), kept_until=self._material.not_after.isoformat())
        else:
            self._material = material
            LOG.info("tls_files_reloaded", not_after=material.not_after.isoformat())
        self._signature, self._unsettled = signature, None


def _signature(files: TlsFiles) -> _Signature:
    return tuple(_stat(path) for path in (files.cert, files.key, files.client_ca) if path is not None)


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsError(f"{option} {path} cannot be read: {error.strerror}") from error


def _certificates(pem: bytes, path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise TlsError(f"{path} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)") from error


def _check_key(pem: bytes, leaf: x509.Certificate, files: TlsFiles) -> None:
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise TlsError(
            f"the key {files.key} is encrypted: give one without a pass phrase, readable by this user only"
        ) from error
    except ValueError as error:
        raise TlsError(f"{files.key} holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)") from error
    if key.public_key() != leaf.public_key():
        raise TlsError(
            f"the key {files.key} is not that of the first certificate in {files.cert}:"
            " put the server's own certificate first, or name its key"
        )


def _check_time(leaf: x509.Certificate, path: Path) -> None:
    now = datetime.now(UTC)
    if leaf.not_valid_after_utc < now:
        raise TlsError(f"the certificate {path} expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC: renew it")
    if leaf.not_valid_before_utc > now:
        raise TlsError(
            f"the certificate {path} is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC:"
            " check this machine's clock"
        )


def _http_context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(os.fspath(files.cert), os.fspath(files.key))
        if files.client_ca is not None:
            context.load_verify_locations(os.fspath(files.client_ca))
            context.verify_mode = ssl.CERT_OPTIONAL if files.http_client_optional else ssl.CERT_REQUIRED
            # A resumed session would not show its certificate again, nor learn of an authority that was taken out.
            context.options |= ssl.OP_NO_TICKET
            context.num_tickets = 0
    except (ssl.SSLError, OSError) as error:
        raise TlsError(f"{files.cert} and {files.key} are not a certificate and its key: {error}") from error
    return context
