"""`PYTHONPATH=tests python -m conformance.mlflow.differential [FOLDER]`: compare, and write the report."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from conformance.mlflow.differential import report
from conformance.mlflow.differential.accepted import ACCEPTED
from conformance.mlflow.differential.accepting import judge
from conformance.mlflow.differential.comparing import differences
from conformance.mlflow.differential.corpus.stories import STORIES
from conformance.mlflow.differential.servers import answers_of_both, present


def main(folder: Path) -> int:
    """0 where there is nothing unlisted and nothing gone."""
    if not present():
        print("MLflow is not there: `make bench` makes .venv-peer", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as work:
        theirs, ours = answers_of_both(Path(work), STORIES)
    judged = judge([one for step in theirs for one in differences(step, theirs[step], ours[step])], ACCEPTED)
    report.write(folder, len(theirs), judged)
    print(f"{len(theirs)} requests, {len(judged.unlisted)} unlisted differences, {len(judged.gone)} gone: {folder}")
    return 1 if judged.unlisted or judged.gone else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
