"""Tags of experiments, models and versions, which a server takes all or none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from trackway import errors
from trackway.importing.report import Report


async def set_tags(
    setting: Callable[[Mapping[str, str]], Awaitable[object]],
    tags: Mapping[str, str],
    there: Mapping[str, str],
    where: str,
    report: Report,
) -> None:
    """Set the tags that are not there. Where the server refuses them together, each is set alone, and those that it
    refuses are noted."""
    changed = {key: value for key, value in tags.items() if there.get(key) != value}
    if not changed:
        return
    try:
        await setting(changed)
    except (errors.InvalidArgument, errors.ResourceExhausted):
        for key, value in sorted(changed.items()):
            try:
                await setting({key: value})
            except (errors.InvalidArgument, errors.ResourceExhausted) as error:
                report.miss(f"tag {key!r}", where, error.message.rstrip("."), error.reason)
