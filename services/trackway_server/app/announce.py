"""Tells people and programs that the server serves, and where."""

from __future__ import annotations

import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from trackway_server.app.options import authority, client_host


@dataclass(frozen=True, slots=True)
class Announcement:
    """What there is to tell of a server that serves."""

    version: str
    target: str
    host: str
    grpc_port: int | None
    http_port: int | None
    data_dir: Path | None
    key_file: Path | None
    """None: there is no key here."""
    profile: Path | None
    """The profile that holds the key; None where it could not be noted."""
    warnings: tuple[str, ...] = ()
    tls: bool = False
    metrics_port: int | None = None
    no_key: str = ""
    """Why there is no key file; empty: every caller is taken for the administrator."""

    @property
    def uri(self) -> str | None:
        """The address for clients on this machine."""
        if self.grpc_port is None:
            return None
        return f"{'trackways' if self.tls else 'trackway'}://{authority(client_host(self.host), self.grpc_port)}"

    @property
    def url(self) -> str | None:
        """The address for browsers on this machine."""
        if self.http_port is None:
            return None
        return f"{'https' if self.tls else 'http'}://{authority(client_host(self.host), self.http_port)}"


def write_ready_file(path: Path, announcement: Announcement) -> None:
    """Write ports and process id as JSON, whole or not at all."""
    content = {"grpc_port": announcement.grpc_port, "http_port": announcement.http_port, "pid": os.getpid()}
    if announcement.metrics_port is not None:
        content["metrics_port"] = announcement.metrics_port
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    scratch.write_text(json.dumps(content) + "\n", encoding="utf-8")
    scratch.replace(path)


def print_announcement(announcement: Announcement, out: TextIO | None = None) -> None:
    """Print it for people; in colour on a terminal. The key itself is never printed."""
    out = out or sys.stdout
    title = f"Trackway {announcement.version} is ready" + (
        "" if announcement.target == "all" else f" (target {announcement.target})"
    )
    rows = [(name, value) for name, value in _rows(announcement) if value]
    if out.isatty():
        _print_rich(title, rows, announcement.warnings, out)
        return
    lines = [f"{title}.", *(f"  {name:<8} {value}" for name, value in rows)]
    lines += [f"warning: {warning}" for warning in announcement.warnings]
    print(*lines, sep="\n", file=out, flush=True)


def _rows(announcement: Announcement) -> list[tuple[str, str]]:
    return [
        ("clients", announcement.uri or ""),
        ("browser", announcement.url or ""),
        ("metrics", f"port {announcement.metrics_port}" if announcement.metrics_port else ""),
        ("data", str(announcement.data_dir or "")),
        ("key", _key(announcement)),
        ("try", "trackway demo, trackway runs list, trackway --help; Ctrl-C stops" if announcement.uri else ""),
    ]


def _key(announcement: Announcement) -> str:
    if announcement.data_dir is None:
        return ""
    if announcement.no_key:
        return announcement.no_key
    if announcement.key_file is None:
        return "none: every caller on this machine is taken for the administrator (--insecure-no-auth)"
    if announcement.profile is None:
        return f"in {announcement.key_file}; give it to clients as TRACKWAY_TOKEN"
    return f"in {announcement.key_file}, noted for you in {announcement.profile}; a browser asks for it as the password"


def _print_rich(title: str, rows: list[tuple[str, str]], warnings: tuple[str, ...], out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=out, highlight=False)
    console.print(Text(title, style="bold green"))
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(f"  {name}", style="dim"), Text(value, overflow="fold"))
    console.print(table)
    for warning in warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
