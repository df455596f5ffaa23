"""Data sets as inputs of a run.

    trackway.log_input(trackway.data.from_pandas(frame, name="iris"), context="training")

A data set is known by its name and a digest of its content; the data itself is not stored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set that was looked at: name, digest, source, and as mappings its columns and its size."""

    name: str
    digest: str
    source: str = ""
    source_type: str = "code"
    schema: Mapping[str, Any] = field(default_factory=dict)
    profile: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, str]:
        """The fields as text, in MLflow's form."""
        texts = {"name": self.name, "digest": self.digest, "source_type": self.source_type, "source": self.source}
        return {**texts, "schema": json.dumps(self.schema), "profile": json.dumps(self.profile)}


def from_numpy(
    features: np.ndarray[Any, Any] | Mapping[str, np.ndarray[Any, Any]],
    source: str | None = None,
    targets: np.ndarray[Any, Any] | Mapping[str, np.ndarray[Any, Any]] | None = None,
    name: str | None = None,
    digest: str | None = None,
) -> Dataset:
    """A data set of arrays, or of dicts of them. `source` says where it came from; the digest (SHA-256 of types, shapes
    and bytes) is computed unless given."""
    parts = {"features": _parts(features), **({} if targets is None else {"targets": _parts(targets)})}
    profile = {part: {key: list(each.shape) for key, each in arrays.items()} for part, arrays in parts.items()}
    schema = {part: {key: str(each.dtype) for key, each in arrays.items()} for part, arrays in parts.items()}
    computed = digest or _digest(each for arrays in parts.values() for each in arrays.values())
    return Dataset(name or "dataset", computed, source or "", _source_type(source), schema, profile)


def from_pandas(
    df: pd.DataFrame,
    source: str | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
) -> Dataset:
    """A data set of a DataFrame. The digest (SHA-256 over column names and pandas' row hashes) is computed unless
    given."""
    from pandas.util import hash_pandas_object

    schema: dict[str, Any] = {"columns": {str(key): str(dtype) for key, dtype in df.dtypes.items()}}
    if targets is not None:
        schema["targets"] = targets
    names = "\0".join(map(str, df.columns)).encode()
    computed = digest or hashlib.sha256(names + hash_pandas_object(df, index=True).to_numpy().tobytes()).hexdigest()
    profile = {"num_rows": int(df.shape[0]), "num_elements": int(df.size)}
    return Dataset(name or "dataset", computed, source or "", _source_type(source), schema, profile)


def _parts(arrays: Any) -> dict[str, Any]:
    return dict(arrays) if isinstance(arrays, Mapping) else {"": arrays}


def _digest(arrays: Any) -> str:
    import numpy as np

    digest = hashlib.sha256()
    for array in arrays:
        whole = np.ascontiguousarray(array)
        digest.update(f"{whole.dtype.str}{whole.shape}".encode())
        digest.update(repr(whole.tolist()).encode() if whole.dtype.hasobject else whole.tobytes())
    return digest.hexdigest()


def _source_type(source: str | None) -> str:
    if not source:
        return "code"
    return "http" if source.startswith(("http://", "https://")) else "local"
