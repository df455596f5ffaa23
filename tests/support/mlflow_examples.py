"""Run by an interpreter with MLflow: the examples of its API's documentation, as they are, against one server.

    python mlflow_examples.py FOLDER [NAME …]

They are taken from the docstrings of the installed MLflow, so nothing of it is copied here. Each runs in a process of
its own, forked after the import, in a folder of its own; what it leaves gets other names, for they all like the same
ones. Without names, all run. Prints a line of JSON for each: its name, what it printed (what differs from run to run
replaced) and, where it failed, why. What MLflow itself answers is printed with MLFLOW_TRACKING_URI=sqlite:///….
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import re
import sys
import textwrap
import traceback
from collections.abc import Iterator
from pathlib import Path

MODULES = ("tracking/fluent.py", "tracking/client.py", "tracking/_model_registry/fluent.py")
NOT_OURS = re.compile(
    r"prompt|trace|span|genai|openai|langchain|databricks|(?:create|get|delete|set|add|remove|search)_dataset"
)
ELSEWHERE = ("import_checkpoints",)
"""It reads files of a bucket."""
_BLOCK = re.compile(r"^( *)\.\. code-block:: python *\n((?:\1 +:.*\n)*)((?:\1 +.*\n|\s*\n)+)", re.MULTILINE)
_DICT = re.compile(r"\{[^{}]*\}")
_VARYING = (
    (re.compile(r"(?m)^(?:🏃 View run|🧪 View experiment) .*\n"), ""),
    (re.compile(r"m-[0-9a-f]{32}"), "m-ID"),
    (re.compile(r"[0-9a-f]{32}"), "ID"),
    (re.compile(r"\b1[0-9]{12}\b"), "TIME"),
    (re.compile(r"\b[a-z]+-[a-z]+-[0-9]{1,3}\b"), "RUN-NAME"),
    (re.compile(r"(?:mlflow-artifacts:|trackway://[^/' \n]+|(?:file://)?/)[^ ',>\n]*"), "PLACE"),
    (re.compile(r"(?i)(experiment[_ ]id(?:[:=] ?|': '))\d+"), r"\1N"),
    (re.compile(r"'digest': '[^']*'|digest='[^']*'"), "DIGEST"),
    (re.compile(r"0x[0-9a-f]+"), "ADDRESS"),
)


def examples(package: Path) -> Iterator[tuple[str, str]]:
    """Name and code of each example that is about tracking or the registry."""
    for module in MODULES:
        for node in ast.walk(ast.parse((package / module).read_text())):
            if (
                not isinstance(node, (ast.FunctionDef, ast.ClassDef))
                or node.name in ELSEWHERE
                or NOT_OURS.search(node.name)
            ):
                continue
            text = (ast.get_docstring(node) or "") + "\n"
            for number, found in enumerate(_BLOCK.finditer(text)):
                code = textwrap.dedent(found[3])
                if not NOT_OURS.search(code):
                    yield f"{Path(module).parent.name}.{Path(module).stem}.{node.name} {number}", code


def same(text: str) -> str:
    """`text` without what no two runs print alike."""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return _DICT.sub(lambda found: ", ".join(sorted(found[0].strip("{}").split(", "))), text)


def told(name: str, code: str) -> dict[str, str]:
    """One example, in this process."""
    output, failure = io.StringIO(), ""
    with contextlib.redirect_stdout(output):
        try:
            exec(compile(code, name, "exec"), {"__name__": "__main__"})
        except BaseException as error:  # whatever it is, it is the answer
            failure = f"{type(error).__name__}: {getattr(error, 'error_code', '')} {error}"
            traceback.print_exc()
        finally:
            import mlflow

            while mlflow.active_run():
                mlflow.end_run()
            cleared()
    return {"name": name, "printed": same(output.getvalue()), "failure": same(failure)}


def cleared() -> None:
    """Give the names back that the examples before have taken."""
    from mlflow import MlflowClient
    from mlflow.entities import ViewType

    client = MlflowClient()
    for experiment in client.search_experiments(ViewType.ALL):
        if experiment.experiment_id == "0" or experiment.name.startswith("over "):
            continue
        if experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment.experiment_id)
        client.rename_experiment(experiment.experiment_id, f"over {experiment.experiment_id}")
        client.delete_experiment(experiment.experiment_id)
    for model in client.search_registered_models():
        gone = (
            f"over {model.creation_timestamp} {model.name}"  # with us, the numbers of a name go on after its deletion
        )
        client.rename_registered_model(model.name, gone)
        client.delete_registered_model(gone)


def main() -> None:
    """Run those named, one after the other."""
    import matplotlib.pyplot
    import mlflow.models
    import mlflow.sklearn
    import sklearn.datasets
    import sklearn.ensemble
    import sklearn.linear_model

    del matplotlib, sklearn
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    for number, (name, code) in enumerate(examples(Path(mlflow.__file__).parent)):
        if names and name not in names:
            continue
        own = folder / str(number)
        own.mkdir(parents=True)
        child = os.fork()
        if child == 0:
            os.chdir(own)
            (own / "answer.json").write_text(json.dumps(told(name, code)))
            os._exit(0)
        os.waitpid(child, 0)
        print((own / "answer.json").read_text(), flush=True)


if __name__ == "__main__":
    main()
