"""The input example of a model, saved as `input_example.json` in MLflow's forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trackway.flavors.infer import is_pandas

EXAMPLE_FILE = "input_example.json"


def save_example(example: Any, folder: Path) -> dict[str, Any]:
    """Write the example and answer the `saved_input_example_info` of the MLmodel file."""
    if is_pandas(example, "Series"):
        example = example.to_frame()
    if is_pandas(example, "DataFrame"):
        text = example.to_json(orient="split", index=False, date_format="iso", double_precision=15)
        info: dict[str, Any] = {"type": "dataframe", "pandas_orient": "split"}
    elif _is_array(example):
        text, info = json.dumps({"inputs": _plain(example)}), {"type": "ndarray", "format": "tf-serving"}
    else:
        text, info = json.dumps(_plain(example)), {"type": "json_object"}
    (folder / EXAMPLE_FILE).write_text(text, encoding="utf-8")
    return {"artifact_path": EXAMPLE_FILE, **info}


def load_example(folder: Path, info: Mapping[str, Any]) -> Any:
    """The example as it was given, as far as JSON keeps it."""
    text = (folder / info["artifact_path"]).read_text(encoding="utf-8")
    if info["type"] == "dataframe":
        import io

        import pandas as pd

        return pd.read_json(io.StringIO(text), orient=info.get("pandas_orient", "split"), precise_float=True)
    form = json.loads(text)
    if info["type"] != "ndarray":
        return form
    inputs = form["inputs"] if isinstance(form, Mapping) and "inputs" in form else form
    if isinstance(inputs, Mapping):
        return {name: np.asarray(values) for name, values in inputs.items()}
    return np.asarray(inputs)


def _is_array(example: Any) -> bool:
    if isinstance(example, Mapping):
        return bool(example) and all(isinstance(each, np.ndarray) for each in example.values())
    return isinstance(example, np.ndarray)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
