"""What the comparison found, for people and for programs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from conformance.mlflow.differential.comparison import Compared


def write(folder: Path, compared: Compared) -> None:
    """`differential.md` and `differential.json` in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "differential.md").write_text(as_markdown(compared))
    judged = compared.judged
    value = {
        "requests": compared.requests,
        "unlisted": [asdict(one) for one in judged.unlisted],
        "accepted": [{**asdict(one), "reason": reason} for one, reason in judged.accepted],
        "gone": judged.gone,
    }
    (folder / "differential.json").write_text(json.dumps(value, indent=2))


def as_markdown(compared: Compared) -> str:
    """The report as a page."""
    requests, judged = compared.requests, compared.judged
    differing = {one.step for one in judged.unlisted} | {one.step for one, _ in judged.accepted}
    lines = [
        "# Differences from MLflow's server",
        "",
        f"{requests} requests, {requests - len(differing)} answered alike in every field.",
        "",
        f"## Unlisted: {len(judged.unlisted)}",
        "",
        *(f"    {line}" for one in judged.unlisted for line in str(one).splitlines()),
        "",
        f"## Listed, but gone: {len(judged.gone)}",
        "",
        *(f"- {one}" for one in judged.gone),
        "",
        "## Accepted",
    ]
    for reason, count in Counter(reason for _, reason in judged.accepted).most_common():
        lines += ["", f"### {reason} ({count})", ""]
        lines += [f"    {line}" for one, why in judged.accepted if why == reason for line in str(one).splitlines()]
    return "\n".join(lines) + "\n"
