"""Models written in Python: classes and functions, with files of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from trackway import pyfunc
from trackway.errors import InvalidArgument
from trackway.models import infer_signature


class Adds(pyfunc.PythonModel):
    def load_context(self, context: pyfunc.PythonModelContext) -> None:
        self.amount = int(Path(context.artifacts["amount"]).read_text())

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return model_input["x"] + self.amount * (params or {}).get("times", 1)


class Doubles(pyfunc.PythonModel):
    def predict(self, model_input: Any) -> Any:  # type: ignore[override]
        return [2 * each for each in model_input]


def test_a_class_with_files(tmp_path: Path) -> None:
    amount = tmp_path / "amount.txt"
    amount.write_text("10")
    frame = pd.DataFrame({"x": [1, 2]})
    signature = infer_signature(frame, params={"times": 1})
    pyfunc.save_model(tmp_path / "m", python_model=Adds(), artifacts={"amount": str(amount)}, signature=signature)
    amount.unlink()
    model = pyfunc.load_model(tmp_path / "m")
    assert model.predict(frame).tolist() == [11, 12]
    assert model.predict(frame, params={"times": 2}).tolist() == [21, 22]
    assert isinstance(model.unwrap_python_model(), Adds)
    form = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())
    assert form["flavors"]["python_function"]["artifacts"]["amount"]["path"] == "artifacts/amount.txt"


def test_a_class_that_takes_only_the_input(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", python_model=Doubles(), input_example=[1, 2])
    model = pyfunc.load_model(tmp_path / "m")
    assert model.predict([1, 2]) == [2, 4]
    assert str(model.input_schema) == "[long (required)]"


def test_a_function(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", python_model=lambda rows: len(rows))
    model = pyfunc.load_model(tmp_path / "m")
    assert model.predict([1, 2, 3]) == 3
    assert callable(model.unwrap_python_model())
    with pytest.warns(UserWarning, match="no parameters"):
        model.predict([1], params={"a": 1})


def test_what_is_no_python_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="not the class"):
        pyfunc.save_model(tmp_path / "a", python_model=Adds)
    with pytest.raises(InvalidArgument, match="no Python model"):
        pyfunc.save_model(tmp_path / "b", python_model=3)


def test_a_model_cannot_name_artifacts_outside_its_folder(tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "m", python_model=Doubles())
    form = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())
    form["flavors"]["python_function"]["artifacts"] = {"a": {"path": "../../etc/passwd"}}
    (tmp_path / "m" / "MLmodel").write_text(yaml.safe_dump(form))
    with pytest.raises(InvalidArgument, match="not in its folder"):
        pyfunc.load_model(tmp_path / "m")
