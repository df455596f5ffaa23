"""What a client may count on, whatever the arrangement: the same suite over all of them."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import httpx
import pytest

from support.topologies import Place
from support.training import exactly, steps_of, trainer, wait_until
from trackway import errors
from trackway._ids import new_id
from trackway.client import Client

TRAINER = """
import trackway
trackway.set_experiment("{experiment}")
with trackway.start_run(run_name="trained") as run:
    trackway.log_params({{"lr": 0.1}})
    for step in range(2000):
        trackway.log_metric("loss", 1 / (step + 1), step=step)
    trackway.log_text("it works", "notes.txt")
    print(run.info.run_id, flush=True)
"""


def name() -> str:
    return f"name-{new_id()}"


def a_model(client: Client) -> str:
    run_id = client.tracking.create_run().info.run_id
    client.artifacts.upload_bytes(run_id, b"flavors: {}", "model/MLmodel")
    client.artifacts.upload_bytes(run_id, os.urandom(2000), "model/data/model.bin")
    return f"runs:/{run_id}/model"


def test_experiments_and_runs(client: Client) -> None:
    experiment = client.tracking.create_experiment(name())
    run_id = client.tracking.create_run(experiment_name=experiment.name, run_name="first").info.run_id
    client.tracking.log_params(run_id, {"lr": 0.1})
    client.tracking.update_run(run_id, status="FINISHED")
    (run,) = client.tracking.search_runs([experiment.experiment_id])
    assert (run.info.run_id, run.info.status, run.data.params) == (run_id, "FINISHED", {"lr": "0.1"})
    with pytest.raises(errors.NotFound):
        client.tracking.get_run(new_id())


def test_a_training_process_loses_nothing(place: Place, client: Client, tmp_path: Path) -> None:
    experiment = name()
    with trainer(TRAINER.format(experiment=experiment), place.environment(tmp_path)) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    run = client.tracking.get_run(out.strip())
    assert (run.info.status, run.data.params, client.tracking.list_refused(out.strip())) == (
        "FINISHED",
        {"lr": "0.1"},
        [],
    )
    exactly(steps_of(client, run.info.run_id, "loss"), 2000)
    assert client.artifacts.download(run.info.run_id, "notes.txt", tmp_path).read_text() == "it works"


def test_files_come_back_byte_for_byte(client: Client, tmp_path: Path) -> None:
    run_id = client.tracking.create_run().info.run_id
    content = os.urandom(5_000_000)
    client.artifacts.upload_bytes(run_id, content, "data/large.bin")
    client.artifacts.upload_bytes(run_id, b"", "data/empty")
    client.artifacts.download(run_id, "data", tmp_path)
    assert (tmp_path / "data" / "large.bin").read_bytes() == content
    assert (tmp_path / "data" / "empty").read_bytes() == b""


def test_a_version_is_registered_promoted_and_resolved(client: Client) -> None:
    model, source = name(), a_model(client)
    client.registry.create_model(model)
    version = client.registry.create_version(model, source)
    client.registry.transition_stage(model, version.version, "Production")
    client.registry.set_alias(model, "champion", version.version)
    by_stage, by_alias = (
        client.registry.resolve(uri) for uri in (f"models:/{model}/Production", f"models:/{model}@champion")
    )
    assert by_stage.version.version == by_alias.version.version == 1
    assert {file.path for file in by_alias.manifest.files} == {"MLmodel", "data/model.bin"}
    with pytest.raises(errors.NotFound):
        client.registry.create_version(model, f"runs:/{new_id()}/model")


def test_a_watch_is_told_while_it_waits_and_goes_on_from_its_token(place: Place, client: Client) -> None:
    model, source, told = name(), a_model(client), []
    client.registry.create_model(model)
    begun = threading.Event()

    def follow() -> None:
        with Client(place.uri, token=place.token) as watching:
            for event in watching.registry.watch(model, from_start=True):
                told.append(event)
                begun.set()
                if event.kind == "ALIAS_SET":
                    return

    watcher = threading.Thread(target=follow, daemon=True)
    watcher.start()
    assert begun.wait(20)
    client.registry.create_version(model, source)
    client.registry.set_alias(model, "champion", 1)
    watcher.join(20)
    assert not watcher.is_alive()
    kinds = [event.kind for event in told]
    assert (kinds[0], kinds[-1]) == ("MODEL_CREATED", "ALIAS_SET")
    resumed = client.registry.watch(model, resume_token=told[0].resume_token)
    again = [event.kind for event in islice(resumed, len(kinds) - 1)]
    assert again == kinds[1:]


def test_without_the_key_nobody_gets_in(place: Place) -> None:
    with Client(place.uri, token="tw_" + "x" * 43) as stranger:
        for call in (
            lambda: stranger.tracking.get_experiment("0"),
            lambda: stranger.registry.get_model("any"),
            lambda: list(stranger.artifacts.list(new_id())),
        ):
            with pytest.raises(errors.Unauthenticated):
                call()


def test_users_have_keys_roles_and_workspaces(place: Place, client: Client) -> None:
    ann, vision = f"ann-{new_id()}", f"vision-{new_id()[-12:]}"
    client.auth.create_principal(ann, "USER")
    client.auth.create_workspace(vision)
    client.auth.grant_role(ann, "EDITOR", workspace=vision)
    key = client.auth.create_key(ann).secret
    elsewhere = client.tracking.create_run().info.run_id
    with Client(place.uri, token=key, workspace=vision) as hers:
        assert hers.auth.get_self().roles == {vision: "EDITOR"}
        experiment = hers.tracking.create_experiment("in vision")
        assert [each.name for each in hers.tracking.search_experiments()] == [experiment.name]
        model, source = name(), a_model(hers)
        hers.registry.create_model(model)
        assert hers.registry.create_version(model, source).version == 1
        with pytest.raises(errors.PermissionDenied):
            hers.auth.create_principal(name(), "USER")
        with pytest.raises(errors.NotFound):
            hers.tracking.get_run(elsewhere)
    client.auth.revoke_key(key.split("_")[1])
    for _ in range(2):  # whichever replica is asked
        with Client(place.uri, token=key, workspace=vision) as late, pytest.raises(errors.Unauthenticated):
            late.tracking.get_experiment(experiment.experiment_id)


def test_the_page_shows_what_the_services_hold(place: Place, client: Client) -> None:
    experiment, model = name(), name()
    run_id = client.tracking.create_run(experiment_name=experiment, run_name="shown").info.run_id
    client.registry.create_model(model)
    with httpx.Client(base_url=place.http_url, auth=("any", place.token)) as browser:
        assert browser.get("/readyz").text == "ready\n"
        page = browser.get("/").text
        assert experiment in page
        assert model in page
        assert "shown" in browser.get(f"/runs/{run_id}").text
        assert browser.get("/", auth=("any", "wrong")).status_code == 401


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("service", ["tracking", "artifacts", "registry"])
def test_a_service_is_restarted_and_nobody_else_minds(
    place: Place, client: Client, service: str, number: signal.Signals
) -> None:
    if not place.processes or place.storage is not None:
        pytest.skip("one process, which tests/faults restarts, or several, see the next test")
    run_id = client.tracking.create_run().info.run_id
    process = place.processes[service][0]
    process.end(number)
    if service != "tracking":
        assert client.tracking.get_run(run_id).info.run_id == run_id
    ready = httpx.get(f"{place.http_url}/readyz")
    assert (ready.status_code, ready.text) == (503, f"not serving: {service}\n")
    process.start()
    process.await_healthy()
    wait_until(lambda: httpx.get(f"{place.http_url}/readyz").status_code == 200, "the gateway is ready again")
    wait_until(lambda: _works(client, service, run_id), f"{service} is reached again")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("service", ["auth", "tracking", "artifacts", "registry"])
def test_a_replica_goes_and_comes_back_and_no_call_fails(
    place: Place, client: Client, service: str, number: signal.Signals
) -> None:
    if len(place.processes.get(service, ())) < 2:
        pytest.skip("there is no other replica")
    model, source = name(), a_model(client)
    client.registry.create_model(model)
    client.registry.create_version(model, source)
    with ThreadPoolExecutor(1) as thread:
        restarted = thread.submit(place.processes[service][0].restart, number)
        rounds = 0
        while not restarted.done() or rounds < 5:
            with Client(place.uri, token=place.token) as newcomer:
                run_id = newcomer.tracking.create_run().info.run_id
                assert newcomer.tracking.get_run(run_id).info.run_id == run_id
            assert client.registry.resolve(f"models:/{model}/1").version.version == 1
            assert len(list(client.artifacts.list(source.removeprefix("runs:/").partition("/")[0]))) == 1
            assert httpx.get(f"{place.http_url}/readyz").text == "ready\n"
            rounds += 1
        restarted.result()


def _works(client: Client, service: str, run_id: str) -> bool:
    calls = {
        "tracking": lambda: client.tracking.get_run(run_id),
        "artifacts": lambda: client.artifacts.upload_bytes(run_id, b"x", "x"),
        "registry": lambda: client.registry.create_model(name()),
    }
    try:
        calls[service]()
    except errors.Unavailable:
        return False
    return True
