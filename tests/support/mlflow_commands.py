"""Run by an interpreter with MLflow: the commands of `mlflow` that talk to a tracking server or a registry.

    python mlflow_commands.py FOLDER

They are called one after the other in this process, which has MLFLOW_TRACKING_URI, so that MLflow is loaded once; those
that this MLflow has not are left out. Writes FOLDER/answers.json: the status of each command and what it printed.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Any

PROJECT = """
name: tiny
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.1}
    command: "python train.py {alpha}"
  broken:
    command: "python -c 'raise SystemExit(3)'"
"""
TRAIN = """
import sys
import mlflow
with mlflow.start_run() as run:
    mlflow.log_param("by hand", sys.argv[1])
    mlflow.log_metric("loss", float(sys.argv[1]))
    open("out.txt", "w").write("done")
    mlflow.log_artifact("out.txt")
"""
COMMANDS = (
    "experiments create -n fruit",
    "experiments create -n fruit",
    "experiments search",
    "experiments search --view deleted_only",
    "experiments search --max-results 1",
    "experiments get -x {experiment}",
    "experiments get -n fruit",
    "experiments get -n fruit --output json",
    "experiments get -x 999999",
    "experiments get -n nobody",
    "experiments get",
    "experiments rename -x {experiment} --new-name berries",
    "experiments rename -x 999999 --new-name nobody",
    "experiments rename -x {experiment} --new-name Default",
    "experiments delete -x {experiment}",
    "experiments delete -x 999999",
    "experiments delete -x letters",
    "experiments search --view all",
    "experiments restore -x {experiment}",
    "experiments restore -x 999999",
    "runs create --experiment-id {experiment} --run-name apple -t kind=sweet --status FINISHED --description red",
    "runs create --experiment-name berries --run-name child --parent-run-id {run}",
    "runs create --experiment-id 999999",
    "runs create --experiment-id {experiment} -t wrong",
    "runs list --experiment-id {experiment}",
    "runs list --experiment-id 999999",
    "runs describe --run-id {run}",
    "runs describe --run-id 00000000000000000000000000000000",
    "runs describe --run-id nobody",
    "runs delete --run-id {run}",
    "runs delete --run-id 00000000000000000000000000000000",
    "runs list --experiment-id {experiment} --view deleted_only",
    "runs list --experiment-id {experiment} --view all",
    "runs restore --run-id {run}",
    "runs restore --run-id 00000000000000000000000000000000",
    "experiments csv -x {experiment}",
    "experiments csv -x {experiment} -o runs.csv",
    "experiments csv -x 999999",
    "artifacts log-artifact -l a.txt -r {run}",
    "artifacts log-artifact -l a.txt -r {run} -a sub/deeper",
    "artifacts log-artifact -l a.txt -r 00000000000000000000000000000000",
    "artifacts log-artifacts -l folder -r {run} -a all",
    "artifacts log-artifacts -l folder -r {run}",
    "artifacts list -r {run}",
    "artifacts list -r {run} -a all",
    "artifacts list -r {run} -a a.txt",
    "artifacts list -r {run} -a none",
    "artifacts list -r 00000000000000000000000000000000",
    "artifacts download -r {run} -d whole",
    "artifacts download -r {run} -a all -d part",
    "artifacts download -r {run} -a none -d nothing",
    "artifacts download -u runs:/{run}/all -d by-uri",
    "artifacts download -u {artifact_uri}/a.txt -d by-place",
    "artifacts download -u models:/doubling/1 -d model",
    "models predict -m models:/doubling/1 -i input.json -o by-version.json --env-manager local",
    "models predict -m models:/doubling@champion -i input.csv -t csv -o by-alias.json --env-manager local",
    "models predict -m runs:/{model_run}/doubling -i input.json -o by-run.json --env-manager local",
    "models predict -m models:/doubling/9 -i input.json -o none.json --env-manager local",
    "models generate-dockerfile -m models:/doubling/1 -d docker --env-manager local",
    "models update-pip-requirements -m {model_uri} add scipy>=1",
    "run project --env-manager local --experiment-name projects -P alpha=0.5 --run-name tiny",
    "run project --env-manager local --experiment-id {experiment} -e broken",
    "run project --env-manager local --experiment-id {experiment} -e nothing",
    "run project --env-manager local --experiment-id 999999",
    "runs list --experiment-id {experiment}",
    "experiments create -n elsewhere -l s3://bucket/path",
)
_VIEW = re.compile(r"(?m)^.*(?:View run|View experiment) .*\n")


def files(folder: Path) -> None:
    """What the commands read."""
    (folder / "a.txt").write_text("a")
    (folder / "folder" / "sub").mkdir(parents=True)
    (folder / "folder" / "b.txt").write_text("b")
    (folder / "folder" / "sub" / "c é.txt").write_text("c")
    (folder / "project").mkdir()
    (folder / "project" / "MLproject").write_text(PROJECT)
    (folder / "project" / "train.py").write_text(TRAIN)
    (folder / "input.json").write_text(json.dumps({"dataframe_split": {"columns": ["x"], "data": [[1], [2]]}}))
    (folder / "input.csv").write_text("x\n3\n")


def main() -> None:
    """Run them, and look at what they left."""
    import mlflow
    from click.testing import CliRunner
    from mlflow import MlflowClient
    from mlflow.cli import cli

    folder, client = Path(sys.argv[1]), MlflowClient()
    os.chdir(folder)
    files(folder)
    known: dict[str, str] = {}

    class Doubling(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]
        """The smallest model."""

        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            """Twice what is given."""
            return model_input * 2

    def registered() -> None:
        mlflow.set_experiment("models")
        with mlflow.start_run(run_name="modelling") as made:
            given = {"python_model": Doubling(), "pip_requirements": ["pandas"]}
            if mlflow.__version__ < "3":
                logged = mlflow.pyfunc.log_model(artifact_path="doubling", **given)
            else:
                logged = mlflow.pyfunc.log_model(name="doubling", **given)
        mlflow.register_model(f"runs:/{made.info.run_id}/doubling", "doubling")
        client.set_registered_model_alias("doubling", "champion", "1")
        known.update(model_run=made.info.run_id, model_uri=logged.model_uri)

    answers = []
    for command in COMMANDS:
        group, _, name = command.partition(" ")
        if group != "run" and name.split()[0] not in cli.commands[group].commands:
            continue
        if name.startswith("search") and "--max-results" in name and mlflow.__version__ < "3":
            continue
        if "{run}" in command and "run" not in known:
            known["experiment"] = client.get_experiment_by_name("berries").experiment_id
            run = client.create_run(known["experiment"], run_name="pear", tags={"kind": "sour"}, start_time=5)
            client.log_metric(run.info.run_id, "loss", 0.5, 7, 1)
            client.log_param(run.info.run_id, "lr", "0.1")
            client.set_terminated(run.info.run_id, end_time=9)
            known |= {"run": run.info.run_id, "artifact_uri": run.info.artifact_uri}
        if command.startswith("artifacts download -u models"):
            registered()
        if "experiment" not in known and (found := client.get_experiment_by_name("fruit")):
            known["experiment"] = found.experiment_id
        told = CliRunner().invoke(cli, [part.format(**known) for part in command.split()])
        failure = told.exception
        if failure is not None and not isinstance(failure, SystemExit):
            traceback.print_exception(failure)
        text = told.output + (f"{type(failure).__name__}: {failure}" if failure and told.exit_code == 1 else "")
        for key, value in sorted(known.items(), key=lambda each: -len(each[1])):
            if len(value) > 4:
                text = text.replace(value, f"{{{key}}}")
        answers.append({"command": command, "status": told.exit_code, "printed": _VIEW.sub("", text)})
    left = {}
    for each in sorted(folder.rglob("*")):
        if each.is_file() and each.relative_to(folder).parts[0] not in ("mlruns", "mlflow.db", "project"):
            left[each.relative_to(folder).as_posix()] = each.read_text() if each.suffix in (".json", ".csv") else ""
    (folder / "answers.json").write_text(json.dumps({"answers": answers, "left": left}))


if __name__ == "__main__":
    main()
