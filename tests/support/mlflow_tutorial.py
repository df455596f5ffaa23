"""Run by an interpreter with MLflow: the steps of one page of its documentation, in one process, as in a notebook.

    python mlflow_tutorial.py STEPS.json ANSWERS.json

A step that fails does not end the page: its reader would go on, too. Written are, for each step, what it printed and,
where it failed, with what. Chance is the same in each run, as far as that can be had without touching the page.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import json
import linecache
import os
import random
import sys
import time
import traceback
import types
from pathlib import Path
from typing import Any


def main() -> None:
    """Run them all."""
    steps = json.loads(Path(sys.argv[1]).read_text())
    answers = Path(sys.argv[2])
    _seed(" ".join(step["code"] for step in steps))
    _show_tables_whole()
    _find_data(" ".join(step["code"] for step in steps))
    page = types.ModuleType("__main__")
    sys.modules["__main__"] = page  # what the page defines is pickled as what a notebook defines
    sys.argv = [steps[0]["name"] if steps else ""]
    sys.path[0] = str(Path.cwd())
    builtins.display = lambda *values: print(*map(repr, values))  # type: ignore[attr-defined]
    said = []
    for step in steps:
        said.append({"name": step["name"], **_told(step, page.__dict__)})
        answers.write_text(json.dumps(said))


def _seed(code: str) -> None:
    import numpy as np

    random.seed(0)
    sown = np.random.seed
    np.random.seed = lambda seed=None: sown(0 if seed is None else seed)  # SHAP sows what chance gives it
    np.random.seed()
    if "torch" in code:
        import torch

        torch.manual_seed(0)
    if "optuna" in code:
        import optuna

        made = optuna.samplers.TPESampler.__init__

        def seeded(self: Any, *arguments: Any, seed: int | None = 0, **named: Any) -> None:
            made(self, *arguments, seed=seed, **named)

        optuna.samplers.TPESampler.__init__ = seeded  # the sampler of whoever names none


def _show_tables_whole() -> None:
    import pandas as pd

    pd.set_option("display.max_columns", None, "display.width", 100_000)


def _find_data(code: str) -> None:
    """SHAP keeps what it loads in its own folder, for ever: it is given the stand-in where that lies."""
    if "shap.datasets" in code:
        import shap.datasets

        def stand_in(url: str, file_name: str | None = None) -> str:
            return str(Path(os.environ["TRACKWAY_TUTORIAL_DATA"], file_name or url.rpartition("/")[2]))

        shap.datasets.cache = stand_in


def _told(step: dict[str, str], names: dict[str, Any]) -> dict[str, Any]:
    output = io.StringIO()
    failure: dict[str, str] = {}
    begun = time.monotonic()
    with contextlib.redirect_stdout(output):
        try:
            _run(step, names)
        except SystemExit as ended:
            if ended.code not in (None, 0):
                failure = {"type": "SystemExit", "code": str(ended.code), "message": ""}
        except BaseException as error:  # whatever it is, it is the answer
            code = str(getattr(error, "error_code", ""))
            failure = {"type": type(error).__name__, "code": code, "message": str(error)}
            traceback.print_exc()
    return {"printed": output.getvalue(), "failure": failure, "seconds": time.monotonic() - begun}


def _run(step: dict[str, str], names: dict[str, Any]) -> None:
    """Execute it, and show the value of its last line as a notebook does."""
    if step["file"]:
        Path(step["file"]).parent.mkdir(parents=True, exist_ok=True)
        Path(step["file"]).write_text(step["code"])
        return
    name, code = f"<{step['name']}>", step["code"]
    if step["name"].endswith(".py"):
        name = str(Path.cwd() / step["name"])
        names["__file__"] = name
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    tree = ast.parse(code, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), name, "eval"), names)
        if value is not None:
            print(repr(value))


if __name__ == "__main__":
    main()
