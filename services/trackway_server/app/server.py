"""Runs a server as a program: until SIGTERM or SIGINT, then in good order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack

from pydantic import ValidationError

from trackway_server.app.announce import Announcement, print_announcement, write_ready_file
from trackway_server.app.embedded import RunningServer, open_server
from trackway_server.app.observing import program_version
from trackway_server.app.options import ServerOptions, Target, authority, client_host
from trackway_server.app.profile import ProfileError, forget_key, profile_path, remember_key
from trackway_server.app.start_and_stop import log_start, log_stopping, logged_stop
from trackway_server.core.config import CoreSettings, wrong_setting
from trackway_server.core.lifecycle import StartupError, stop_signals
from trackway_server.core.logging import configure_logging
from trackway_server.core.tracing import open_tracing, tracing_wanted


def run(options: ServerOptions, settings: Mapping[str, str]) -> None:
    """Serve until told to stop. `settings` are those of CoreSettings that were given on the command line.

    Raises StartupError where the server cannot start.
    """
    try:
        core = CoreSettings.model_validate(CoreSettings().model_dump() | dict(settings))
        configure_logging(core.log_level, core.log_format)
        asyncio.run(_serve(options, core))
    except ValidationError as error:
        raise StartupError(wrong_setting(error)) from error


async def _serve(options: ServerOptions, core: CoreSettings) -> None:
    async with (
        stop_signals() as stop,
        open_tracing(tracing_wanted(core.tracing), options.target.value) as tracing,
        logged_stop(options.target),
        open_server(options, core, tracing=tracing) as running,
    ):
        with ExitStack() as stack:
            announcement = _announcement(options, running, stack)
            print_announcement(announcement)
            if options.ready_file is not None:
                write_ready_file(options.ready_file, announcement)
            log_start(options, running, version=announcement.version, tracing=tracing is not None)
            await stop.wait()
            log_stopping(options.target)


def _announcement(options: ServerOptions, running: RunningServer, stack: ExitStack) -> Announcement:
    warnings = [] if options.loopback or options.tls_cert else [_plaintext_warning(options)]
    key, key_file = (running.access.key, running.access.key_file) if running.access else (None, None)
    profile = None
    if key is not None and key_file is not None and running.grpc_port is not None:
        address = authority(client_host(options.host), running.grpc_port)
        try:
            remember_key(profile_path(), address, key.get_secret_value())
            profile = profile_path()
            if options.chosen_grpc_port == 0:
                stack.callback(_forget, address)
        except ProfileError as error:
            warnings.append(f"{error}; clients need TRACKWAY_TOKEN")
    return Announcement(
        version=program_version(),
        target=options.target.value,
        host=options.host,
        grpc_port=running.grpc_port,
        http_port=running.http_port,
        data_dir=running.data_dir,
        key_file=key_file,
        profile=profile,
        warnings=tuple(warnings),
        tls=options.tls_cert is not None,
        metrics_port=running.metrics_port,
        no_key=_why_no_key(options, given=key is not None and key_file is None),
    )


def _why_no_key(options: ServerOptions, *, given: bool) -> str:
    if given:
        return "the one that TRACKWAY_AUTH_ADMIN_KEY gives; give it to administrators as TRACKWAY_TOKEN"
    if options.relies_on_auth:
        return f"none of its own: callers have tokens of the auth service ({options.address_of(Target.AUTH.value)})"
    return ""


def _plaintext_warning(options: ServerOptions) -> str:
    return (
        f"--host {options.host} is reachable from other machines and traffic is not encrypted:"
        " keys and data can be read on the way; give it --tls-cert and --tls-key, or put it behind a TLS proxy"
    )


def _forget(address: str) -> None:
    try:
        forget_key(profile_path(), address)
    except ProfileError:
        # The entry of a port that nobody will meet again: harmless where it stays.
        return
