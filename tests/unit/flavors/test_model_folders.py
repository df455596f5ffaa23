"""Saved models: MLflow's files, the right requirements, and the same predictions after loading."""

from __future__ import annotations

import importlib.metadata
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import trackway
from trackway.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from trackway.flavors import pickled
from trackway.flavors.environment import capture
from trackway.flavors.model import Model
from trackway.models import infer_signature

FEATURES = pd.DataFrame({"a": [0.5, 1.5, 2.5, 3.5], "b": [1.5, 0.5, 1.5, 0.5]})
LABELS = np.array([0, 0, 1, 1])


@pytest.fixture(scope="module")
def classifier() -> LogisticRegression:
    return LogisticRegression().fit(FEATURES, LABELS)


def test_the_folder_is_mlflows(tmp_path: Path, classifier: LogisticRegression) -> None:
    signature = infer_signature(FEATURES, LABELS)
    trackway.sklearn.save_model(
        classifier, tmp_path / "m", signature=signature, input_example=FEATURES.head(2), metadata={"team": "blue"}
    )
    names = {path.name for path in (tmp_path / "m").iterdir()}
    assert names == {"MLmodel", "model.pkl", "requirements.txt", "python_env.yaml", "conda.yaml", "input_example.json"}
    form = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())
    function = form["flavors"]["python_function"]
    assert function["loader_module"] == "mlflow.sklearn"
    assert function["env"] == {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
    assert function["predict_fn"] == "predict"
    assert form["flavors"]["sklearn"]["pickled_model"] == "model.pkl"
    assert form["flavors"]["sklearn"]["serialization_format"] == "cloudpickle"
    assert form["signature"] == {**signature.to_dict(), "params": None}
    assert form["metadata"] == {"team": "blue"}
    assert form["saved_input_example_info"]["type"] == "dataframe"
    assert form["model_size_bytes"] > 0
    assert Model.load(tmp_path / "m").signature == signature


def test_requirements_are_pinned_to_what_is_installed(tmp_path: Path, classifier: LogisticRegression) -> None:
    trackway.sklearn.save_model(classifier, tmp_path / "m")
    lines = (tmp_path / "m" / "requirements.txt").read_text().split()
    for name in ("scikit-learn", "numpy", "cloudpickle"):
        assert f"{name}=={importlib.metadata.version(name)}" in lines
    conda = yaml.safe_load((tmp_path / "m" / "conda.yaml").read_text())
    assert conda["dependencies"][-1] == {"pip": lines}
    python = yaml.safe_load((tmp_path / "m" / "python_env.yaml").read_text())
    assert python["dependencies"] == ["-r requirements.txt"]


@pytest.mark.parametrize("kept_as", ["cloudpickle", "pickle"])
def test_the_loaded_model_predicts_the_same(tmp_path: Path, classifier: LogisticRegression, kept_as: str) -> None:
    trackway.sklearn.save_model(classifier, tmp_path / "m", serialization_format=kept_as)
    native = trackway.sklearn.load_model(tmp_path / "m")
    assert np.array_equal(native.predict_proba(FEATURES), classifier.predict_proba(FEATURES))
    generic = trackway.pyfunc.load_model(str(tmp_path / "m"))
    assert generic.predict(FEATURES).tolist() == classifier.predict(FEATURES).tolist()
    assert isinstance(generic.get_raw_model(), LogisticRegression)
    assert generic.input_schema is None


def test_the_signature_is_inferred_from_the_example_and_enforced(
    tmp_path: Path, classifier: LogisticRegression
) -> None:
    trackway.sklearn.save_model(classifier, tmp_path / "m", input_example=FEATURES.head(1))
    model = trackway.pyfunc.load_model(tmp_path / "m")
    assert str(model.input_schema) == "['a': double (required), 'b': double (required)]"
    assert str(model.output_schema) == "[Tensor(int64, (-1,))]"
    pd.testing.assert_frame_equal(model.input_example, FEATURES.head(1))
    with pytest.warns(UserWarning, match="dropped"):
        assert model.predict(FEATURES.assign(c=1)).tolist() == classifier.predict(FEATURES).tolist()
    with pytest.raises(InvalidArgument, match="lacks the columns"):
        model.predict(FEATURES[["a"]])


def test_predict_may_be_another_function(tmp_path: Path, classifier: LogisticRegression) -> None:
    trackway.sklearn.save_model(classifier, tmp_path / "m", pyfunc_predict_fn="predict_proba")
    assert trackway.pyfunc.load_model(tmp_path / "m").predict(FEATURES).shape == (4, 2)
    with pytest.raises(InvalidArgument, match="pyfunc_predict_fn"):
        trackway.sklearn.save_model(classifier, tmp_path / "n", pyfunc_predict_fn="__reduce__")


def test_texts_reach_a_vectoriser_as_they_are(tmp_path: Path) -> None:
    texts = ["good day", "bad day", "good", "bad"]
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, LABELS)
    trackway.sklearn.save_model(model, tmp_path / "m", signature=infer_signature(texts, LABELS))
    assert trackway.pyfunc.load_model(tmp_path / "m").predict(texts).tolist() == model.predict(texts).tolist()


def test_what_cannot_be_saved_is_said(tmp_path: Path, classifier: LogisticRegression) -> None:
    with pytest.raises(InvalidArgument, match="no model of scikit-learn"):
        trackway.sklearn.save_model(object(), tmp_path / "a")
    with pytest.raises(InvalidArgument, match="serialization_format"):
        trackway.sklearn.save_model(classifier, tmp_path / "b", serialization_format="skops")
    local = LogisticRegression()
    local.hook = lambda: None
    with pytest.raises(InvalidArgument, match="cannot be saved with pickle"):
        trackway.sklearn.save_model(local, tmp_path / "c", serialization_format="pickle")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").touch()
    with pytest.raises(AlreadyExists, match="not empty"):
        trackway.sklearn.save_model(classifier, tmp_path / "d")


@pytest.mark.parametrize("variable", ["TRACKWAY_ALLOW_PICKLE", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION"])
def test_pickles_can_be_forbidden(
    tmp_path: Path, classifier: LogisticRegression, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    trackway.sklearn.save_model(classifier, tmp_path / "m")
    monkeypatch.setenv(variable, "false")
    for load in (trackway.sklearn.load_model, trackway.pyfunc.load_model):
        with pytest.raises(FailedPrecondition, match=f"{variable}=false"):
            load(tmp_path / "m")


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("exploded"),)  # type: ignore[return-value]


def test_a_forbidden_pickle_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Bomb()))
    monkeypatch.setenv("TRACKWAY_ALLOW_PICKLE", "no")
    with pytest.raises(FailedPrecondition):
        pickled.load(tmp_path / "model.pkl")
    assert not (tmp_path / "exploded").exists()


def edited(folder: Path, flavor: str, **content: object) -> Path:
    form = yaml.safe_load((folder / "MLmodel").read_text())
    form["flavors"][flavor].update(content)
    (folder / "MLmodel").write_text(yaml.safe_dump(form))
    return folder


@pytest.mark.parametrize("name", ["../outside.pkl", "/etc/passwd", "missing.pkl", None, 7])
def test_a_model_cannot_name_files_outside_its_folder(
    tmp_path: Path, classifier: LogisticRegression, name: object
) -> None:
    trackway.sklearn.save_model(classifier, tmp_path / "m")
    (tmp_path / "outside.pkl").write_bytes(pickle.dumps(Bomb()))
    edited(tmp_path / "m", "sklearn", pickled_model=name)
    with pytest.raises(InvalidArgument, match="not in its folder"):
        trackway.sklearn.load_model(tmp_path / "m")


def test_a_model_cannot_name_code_of_its_own(tmp_path: Path, classifier: LogisticRegression) -> None:
    trackway.sklearn.save_model(classifier, tmp_path / "m")
    with pytest.raises(InvalidArgument, match="one of predict"):
        trackway.pyfunc.load_model(edited(tmp_path / "m", "python_function", predict_fn="__class__"))
    with pytest.raises(InvalidArgument, match="'antigravity'"):
        trackway.pyfunc.load_model(edited(tmp_path / "m", "python_function", loader_module="antigravity"))


def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file MLmodel"):
        trackway.pyfunc.load_model(tmp_path)
    with pytest.raises(NotFound, match="no file or folder"):
        trackway.pyfunc.load_model(tmp_path / "missing")
    with pytest.raises(InvalidArgument, match="cannot be fetched"):
        trackway.pyfunc.load_model("s3://bucket/model")
    for text in ("{", "[]", "flavors: 3"):
        (tmp_path / "MLmodel").write_text(text)
        with pytest.raises(InvalidArgument):
            trackway.pyfunc.load_model(tmp_path)
    (tmp_path / "MLmodel").write_text("flavors: {other: {}}")
    with pytest.raises(InvalidArgument, match="it has other"):
        trackway.sklearn.load_model(tmp_path)
    with pytest.raises(InvalidArgument, match="no python_function"):
        trackway.pyfunc.load_model(tmp_path)


def test_unknown_fields_of_the_mlmodel_file_are_kept(tmp_path: Path) -> None:
    model = Model.from_dict({"flavors": {}, "mlflow_version": "3.1", "utc_time_created": "2026-01-01 00:00:00"})
    model.save(tmp_path)
    assert Model.load(tmp_path).extra["mlflow_version"] == "3.1"


def test_requirements_are_replaced_added_and_read(tmp_path: Path) -> None:
    file = tmp_path / "r.txt"
    file.write_text("# mine\npandas==1.0\n\n-c limits.txt\n")
    assert capture(["numpy"], pip_requirements=["xgboost>2"]).requirements == ("xgboost>2",)
    added = capture(["numpy"], extra_pip_requirements=["NumPy<3", "extra"]).requirements
    assert added == ("NumPy<3", "extra")
    with pytest.raises(InvalidArgument, match=r"limits\.txt"):
        capture([], pip_requirements=str(file))
    with pytest.raises(InvalidArgument, match="not both"):
        capture([], [], [])
    with pytest.raises(InvalidArgument, match="no pip requirement"):
        capture([], pip_requirements=["a\nb"])


def test_modules_are_read_from_a_pickle_without_running_it() -> None:
    import cloudpickle

    assert {name.partition(".")[0] for name in pickled.modules(pickle.dumps(Bomb()))} >= {"pathlib"}
    assert "sklearn.linear_model._logistic" in pickled.modules(pickle.dumps(LogisticRegression()))

    def uses_a_module() -> object:
        return yaml.safe_load("1")

    uses_a_module.__module__ = "__main__"
    assert "yaml" in pickled.modules(cloudpickle.dumps(uses_a_module))
