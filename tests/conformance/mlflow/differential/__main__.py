"""`PYTHONPATH=tests python -m conformance.mlflow.differential FOLDER [AREA …]`: compare, and write the report there."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from conformance.mlflow.differential import report
from conformance.mlflow.differential.comparison import compare
from conformance.mlflow.differential.corpus.stories import AREAS
from conformance.mlflow.differential.servers import present


def main(folder: Path, areas: Sequence[str]) -> int:
    """0 where there is nothing unlisted and nothing gone."""
    if not present():
        print("MLflow is not there: `make bench` makes .venv-peer", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as work:
        compared = compare(Path(work), areas)
    report.write(folder, compared)
    unlisted, gone = len(compared.judged.unlisted), len(compared.judged.gone)
    print(f"{compared.requests} requests, {unlisted} unlisted differences, {gone} gone: {folder}/differential.md")
    return 1 if unlisted or gone else 0


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="differential", description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("areas", nargs="*", choices=[*AREAS, []], default=[])
    given = options.parse_args()
    raise SystemExit(main(given.folder, given.areas or tuple(AREAS)))
