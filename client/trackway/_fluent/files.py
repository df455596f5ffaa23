"""Log files, texts, dicts, figures and images to the active run.

Contents are snapshotted into the spool: a file may be changed or deleted right after the call.
"""

from __future__ import annotations

import os

from trackway._fluent import checks
from trackway._fluent.stack import current_run, run_of
from trackway.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from trackway._fluent.run import ActiveRun

_YAML_ENDINGS = (".yml", ".yaml")


def log_artifact(
    local_path: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Log a file (or a folder, under its own name) into the folder `artifact_path` of the run, by default its root.

    Raises OSError where it cannot be read.
    """
    source = os.fspath(local_path)
    name = os.path.basename(os.path.abspath(source))
    if os.path.isdir(source):
        log_artifacts(source, _joined(artifact_path, name), run_id)
    else:
        run_of(run_id).log_file(source, _joined(artifact_path, name))


def log_artifacts(
    local_dir: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Log all files below a folder into the folder `artifact_path` of the run, by default its root.

    Symbolic links to folders are not followed. Raises InvalidArgument where it is no folder, or where a name in it is
    no artifact path: then nothing is logged.
    """
    folder = os.fspath(local_dir)
    if not os.path.isdir(folder):
        raise InvalidArgument(f"{folder!r} is no folder; log_artifact logs one file")
    wanted = [(source, checks.artifact_path(_joined(artifact_path, name))) for source, name in sorted(_files(folder))]
    run = run_of(run_id)
    for source, path in wanted:
        run.log_file(source, path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Store a text as the file `artifact_file` of the run, in UTF-8."""
    run_of(run_id).log_bytes(str(text).encode("utf-8", "surrogatepass"), artifact_file)


def log_dict(dictionary: Mapping[str, Any] | list[Any], artifact_file: str, run_id: str | None = None) -> None:
    """Store a dict or list as the file `artifact_file`: as YAML where its name ends so, otherwise as JSON."""
    if artifact_file.lower().endswith(_YAML_ENDINGS):
        import yaml

        text = yaml.safe_dump(dictionary, indent=2, default_flow_style=False, sort_keys=False, allow_unicode=True)
    else:
        import json

        text = json.dumps(dictionary, indent=2, default=_json_form)
    log_text(text, artifact_file, run_id)


def log_figure(
    figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None, run_id: str | None = None
) -> None:
    """Store a figure: one of matplotlib in the format that the name's ending says (png, pdf, svg, …), one of plotly as
    html or a picture. `save_kwargs` go to the library's own function."""
    options = dict(save_kwargs or {})
    ending = os.path.splitext(artifact_file)[1].lower().removeprefix(".")
    if hasattr(figure, "savefig"):
        data = _drawn(figure, ending or "png", options)
    elif hasattr(figure, "write_html"):
        data = _plotly(figure, ending, options)
    else:
        raise InvalidArgument(
            f"a {type(figure).__name__} is no figure of matplotlib or plotly; use log_artifact or log_image"
        )
    run_of(run_id).log_bytes(data, artifact_file)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = None,
    *,
    run_id: str | None = None,
) -> None:
    """Store a picture (of PIL, or an array H×W, H×W×3 or H×W×4 of uint8, or of floats from 0 to 1).

    With `artifact_file`, under that name; with `key`, as one of a series: `images/KEY/step_STEP_TIMESTAMP.png`. Needs
    Pillow for arrays.
    """
    if (artifact_file is None) == (key is None):
        raise InvalidArgument("log_image takes exactly one of artifact_file and key")
    path = artifact_file or _series_path(str(key), step, timestamp)
    run = run_of(run_id) if run_id else current_run()
    run.log_bytes(_picture(image, os.path.splitext(path)[1].lower().removeprefix(".") or "png"), path)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """The address of an artifact of the active run, `runs:/RUN_ID/PATH`; without a path, of all of them."""
    run: ActiveRun = current_run()
    return f"{run.info.artifact_uri}/{checks.artifact_path(artifact_path)}" if artifact_path else run.info.artifact_uri


def _joined(folder: str | None, name: str) -> str:
    prefix = os.fspath(folder).replace(os.sep, "/").rstrip("/") if folder else ""
    return f"{prefix}/{name}" if prefix else name


def _files(folder: str) -> Iterator[tuple[str, str]]:
    for parent, _, names in os.walk(folder):
        for name in names:
            source = os.path.join(parent, name)
            yield source, os.path.relpath(source, folder).replace(os.sep, "/")


def _json_form(value: object) -> object:
    for method in ("tolist", "isoformat"):
        if hasattr(value, method):
            return getattr(value, method)()
    return str(value)


def _drawn(figure: Any, ending: str, options: dict[str, Any]) -> bytes:
    import io

    buffer = io.BytesIO()
    figure.savefig(buffer, **{"format": ending, **options})
    return buffer.getvalue()


def _plotly(figure: Any, ending: str, options: dict[str, Any]) -> bytes:
    if ending in ("html", "htm", ""):
        return str(figure.to_html(**{"include_plotlyjs": "cdn", **options})).encode()
    return bytes(figure.to_image(**{"format": ending, **options}))


def _series_path(key: str, step: int | None, timestamp: int | None) -> str:
    from time import time_ns

    when = time_ns() // 1_000_000 if timestamp is None else timestamp
    return f"images/{key}/step_{step or 0:08d}_{when}.png"


def _picture(image: Any, ending: str) -> bytes:
    import io

    picture = image if hasattr(image, "save") else _from_array(image)
    buffer = io.BytesIO()
    picture.save(buffer, format={"jpg": "jpeg"}.get(ending, ending))
    return buffer.getvalue()


def _from_array(image: Any) -> Any:
    import numpy as np

    try:
        from PIL import Image
    except ImportError:
        raise InvalidArgument("log_image needs Pillow for arrays: pip install pillow") from None
    array = np.asarray(image)
    if array.dtype.kind == "f":
        array = (np.clip(np.nan_to_num(array), 0.0, 1.0) * 255).round().astype(np.uint8)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.dtype.kind == "b":
        array = array.astype(np.uint8) * 255
    if array.ndim not in (2, 3) or array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 255:
        raise InvalidArgument("an image must be H×W, H×W×3 or H×W×4, of integers from 0 to 255 or floats from 0 to 1")
    return Image.fromarray(array.astype(np.uint8))
