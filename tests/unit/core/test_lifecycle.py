"""Signals and the steps of stopping; settings."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from pydantic import ValidationError

from trackway_server.core.config import CoreSettings
from trackway_server.core.lifecycle import stop_in_steps, stop_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_asks_to_stop_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    async with stop_signals() as asked:
        assert not asked.is_set()
        os.kill(os.getpid(), number)
        await asked.wait()
    assert signal.getsignal(number) is before


def test_a_second_signal_does_not_wait() -> None:
    code = """
import asyncio, os, signal
from trackway_server.core.lifecycle import stop_signals
async def main():
    async with stop_signals() as asked:
        os.kill(os.getpid(), signal.SIGTERM)
        await asked.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGTERM


async def test_the_steps_come_in_order() -> None:
    steps: list[object] = []

    async def drain(grace: float) -> None:
        steps.append(grace)

    await stop_in_steps(lambda: steps.append("not ready"), drain, wait_s=0, grace_s=3)
    assert steps == ["not ready", 3]


async def test_stopping_can_be_cancelled_while_it_waits() -> None:
    async def drain(grace: float) -> None:
        raise AssertionError

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await stop_in_steps(lambda: None, drain, wait_s=60, grace_s=3)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_LOG_LEVEL", "debug")
    monkeypatch.setenv("TRACKWAY_STOP_GRACE_S", "1.5")
    settings = CoreSettings()
    assert (settings.log_level, settings.stop_grace_s) == ("debug", 1.5)
    monkeypatch.setenv("TRACKWAY_LOG_LEVEL", "loud")
    with pytest.raises(ValidationError):
        CoreSettings()
