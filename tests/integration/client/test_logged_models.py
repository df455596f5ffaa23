"""Logged models by the fluent functions, MlflowClient and the facade against a real server."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

import trackway
from trackway import Client, MlflowClient
from trackway.entities import LoggedModelInput, LoggedModelOutput, LoggedModelStatus
from trackway.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from trackway.testing import LocalServer

pytestmark = pytest.mark.usefixtures("spools")

DATA = SimpleNamespace(to_dict=lambda: {"name": "digits", "digest": "1"})


def test_a_run_makes_and_measures_a_model_and_another_reads_it() -> None:
    experiment = trackway.set_experiment("makes")
    with trackway.start_run() as run:
        model = trackway.initialize_logged_model("net", tags={"a": "b"}, params={"lr": 0.1}, model_type="x")
        trackway.log_metric("loss", 0.5, step=1, model_id=model.model_id)
        trackway.log_metric("loss", 0.25, step=2, model_id=model.model_id)
        trackway.log_metrics({"acc": 0.9}, model_id=model.model_id, dataset=DATA)
        trackway.log_outputs([LoggedModelOutput(model.model_id, 2)])
        trackway.log_model_params({"depth": 3}, model.model_id)
    assert (model.status, model.source_run_id) == ("PENDING", run.info.run_id)
    assert model.experiment_id == experiment.experiment_id
    assert trackway.finalize_logged_model(model.model_id, LoggedModelStatus.READY).status == "READY"
    trackway.set_logged_model_tags(model.model_id, {"c": "d"})
    trackway.delete_logged_model_tag(model.model_id, "a")
    last = trackway.last_logged_model()
    assert last == trackway.get_logged_model(model.model_id)
    assert last is not None
    assert (last.params, last.tags) == ({"lr": "0.1", "depth": "3"}, {"c": "d"})
    found = {one.key: (one.value, one.step, one.run_id, one.dataset_name) for one in last.metrics}
    assert found == {"loss": (0.25, 2, run.info.run_id, None), "acc": (0.9, 0, run.info.run_id, "digits")}
    with trackway.start_run() as reading:
        trackway.log_inputs(models=[LoggedModelInput(model.model_id)])
    assert trackway.get_run(run.info.run_id).outputs.model_outputs == (LoggedModelOutput(model.model_id, 2),)
    assert trackway.get_run(reading.info.run_id).inputs.model_inputs == (LoggedModelInput(model.model_id),)
    (chosen,) = trackway.search_logged_models(filter_string="metrics.loss < 0.3", output_format="list")
    assert chosen == last
    on = [{"dataset_name": "digits"}]
    assert trackway.search_logged_models(filter_string="metrics.loss < 1", datasets=on, output_format="list") == []
    assert trackway.search_logged_models(datasets=on).model_id.tolist() == [model.model_id]


def test_the_active_model_is_what_metrics_are_about() -> None:
    trackway.set_experiment("active")
    assert trackway.get_active_model_id() is None
    with trackway.set_active_model(name="agent") as agent:
        assert trackway.get_active_model_id() == agent.model_id
        assert (agent.status, agent.tags) == ("READY", {"mlflow.model.isExternal": "true"})
        with trackway.set_active_model(name="agent") as again, trackway.start_run():
            trackway.log_metric("score", 1.0)
        assert again.model_id == agent.model_id == trackway.get_active_model_id()
    assert trackway.get_active_model_id() is None
    with trackway.start_run():
        trackway.log_metric("score", 2.0)
    (metric,) = trackway.get_logged_model(agent.model_id).metrics
    assert (metric.value, metric.model_id) == (1.0, agent.model_id)
    with pytest.raises(NotFound):
        trackway.set_active_model(model_id="m-" + "0" * 32)
    with pytest.raises(InvalidArgument):
        trackway.set_active_model()
    with pytest.raises(InvalidArgument):
        trackway.log_model_params({"a": 1})


def test_by_mlflows_client(tmp_path: Path) -> None:
    client = MlflowClient()
    experiment_id = client.create_experiment("by client")
    run_id = client.create_run(experiment_id).info.run_id
    model = client.create_logged_model(experiment_id, "a", run_id, {"t": "1"}, {"p": "1"})
    other = client.create_logged_model(experiment_id, "b")
    for number, each in enumerate((model, other)):
        client.log_metric(run_id, "loss", number, model_id=each.model_id, dataset_name="d", dataset_digest="1")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id)])
    assert client.get_run(run_id).outputs.model_outputs == (LoggedModelOutput(model.model_id, 0),)
    folder = tmp_path / "folder"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "w.bin").write_bytes(b"weights")
    client.log_model_artifacts(model.model_id, str(folder))
    client.log_model_artifact(model.model_id, str(folder / "data" / "w.bin"))
    assert [each.path for each in client.list_logged_model_artifacts(model.model_id)] == ["data", "w.bin"]
    assert [each.path for each in client.list_logged_model_artifacts(model.model_id, "data")] == ["data/w.bin"]
    with Client() as facade:
        fetched = facade.artifacts.download(model.model_id, "data/w.bin", tmp_path / "fetched")
    assert fetched.read_bytes() == b"weights"
    with pytest.raises(InvalidArgument):
        client.list_logged_model_artifacts("m-1")
    for ascending, names in ((True, ["a", "b"]), (False, ["b", "a"])):
        order = [{"field_name": "metrics.loss", "ascending": ascending, "dataset_name": "d"}]
        found = client.search_logged_models([experiment_id], order_by=order)
        assert [each.name for each in found] == names
    assert len(client.search_logged_models([experiment_id], max_results=1)) == 1
    with pytest.raises(InvalidArgument):
        client.search_logged_models([experiment_id], "status >")
    client.delete_logged_model(other.model_id)
    with pytest.raises(NotFound):
        trackway.get_logged_model(other.model_id)
    with pytest.raises(InvalidArgument):
        client.finalize_logged_model(model.model_id, "DONE")


def test_by_the_facade(local_server: LocalServer) -> None:
    with Client() as client:
        asked = {"name": "n", "params": {"p": 1}}
        model = client.logged_models.create("0", model_id="m-" + "7" * 32, **asked)
        assert client.logged_models.create("0", model_id=model.model_id, **asked) == model
        with pytest.raises(AlreadyExists):
            client.logged_models.create("0", model_id=model.model_id)
        with pytest.raises(FailedPrecondition):
            client.logged_models.log_params(model.model_id, {"p": 2})
        run = client.tracking.create_run()
        inputs, outputs = [LoggedModelInput(model.model_id)], [LoggedModelOutput(model.model_id, 5)]
        client.tracking.log_batch(run.info.run_id, model_inputs=inputs, model_outputs=outputs)
        found = client.tracking.get_run(run.info.run_id)
        assert (list(found.inputs.model_inputs), list(found.outputs.model_outputs)) == (inputs, outputs)
        failed = client.logged_models.finalize(model.model_id, "UPLOAD_FAILED", message="why")
        assert (failed.status, failed.status_message) == ("UPLOAD_FAILED", "why")
        client.logged_models.delete(model.model_id)
        deleted = client.logged_models.search(view="deleted", order_by=["name DESC"])
        assert model.model_id in [each.model_id for each in deleted]
