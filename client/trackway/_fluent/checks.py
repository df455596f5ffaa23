"""What can be known to be wrong without asking a server. The rules are those of `common/v1/limits.proto`."""

from __future__ import annotations

from trackway._ingest.coercion import to_integer, to_number
from trackway._ingest.keys import check_key
from trackway.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PARAM_BYTES = 4 << 20
MAX_TAG_BYTES = 1 << 20
MAX_RUN_NAME = 500
MAX_USER = 250
MAX_PATH_BYTES = 1024
MAX_DATASET_TAGS = 100
MAX_DATASET_TAG_KEY = 255
MAX_DATASET_TAG_VALUE = 500


_PATH_FORBIDDEN = frozenset("\\%#?:")


def key(kind: str, name: str) -> str:
    """`name` as the key of a param or tag. Raises TypeError or ValueError, as the writer does for metrics."""
    check_key(kind, name)
    return name


def text(kind: str, name: str, value: object, limit: int) -> str:
    """`value` as text of at most `limit` bytes; what is longer is cut off, with a mark: no length fails a run."""
    result = str(value)
    try:
        size = len(result.encode())
    except UnicodeEncodeError:  # half a character, as in names of files that are no UTF-8: nothing can store it
        result = result.encode("utf-8", "backslashreplace").decode()
        size = len(result.encode())
    if size > limit:
        from trackway._fluent.lengths import cut

        return cut(kind, name, result, limit)
    return result


def tag_texts(tags: Mapping[str, object]) -> dict[str, str]:
    """Tags as they are recorded. Raises TypeError or ValueError for a key that no server takes."""
    return {key("tag", name): text("tag", name, value, MAX_TAG_BYTES) for name, value in tags.items()}


def point(name: str, value: object, step: object, timestamp: object) -> tuple[str, float, int | None, int | None]:
    """What `log_metric` takes of a point. Raises TypeError or ValueError, as it does."""
    steps = None if step is None else to_integer("step", step)
    return (
        key("metric", name),
        to_number(name, value),
        steps,
        None if timestamp is None else to_integer("timestamp", timestamp),
    )


def line(name: str, limit: int) -> str:
    """`name` as one line of at most `limit` characters, changed where it is not."""
    if len(name) <= limit and name.isprintable():
        return name
    from trackway._fluent.lengths import one_line

    return one_line(name, limit)


def mapping(kind: str, values: object) -> None:
    """Raises InvalidArgument where `values` is no mapping."""
    if not hasattr(values, "items"):
        raise InvalidArgument(f"{kind} must be a dict, not {type(values).__name__}")


def dataset_tags(values: Mapping[str, object]) -> dict[str, str]:
    """The tags of a data set as texts. Raises InvalidArgument for more than a server takes."""
    mapping("tags", values)
    texts = {str(name): str(values[name]) for name in values}
    if len(texts) > MAX_DATASET_TAGS:
        raise InvalidArgument(f"a data set has at most {MAX_DATASET_TAGS} tags, not {len(texts)}")
    for name, value in texts.items():
        if not name or len(name) > MAX_DATASET_TAG_KEY or len(value) > MAX_DATASET_TAG_VALUE:
            raise InvalidArgument(
                f"the tag {name!r:.80} of a data set is too long: keys have 1 to {MAX_DATASET_TAG_KEY} characters, "
                f"values at most {MAX_DATASET_TAG_VALUE}"
            )
    return texts


def logged_model_id(model_id: object) -> str:
    """`model_id` as the id of a logged model. Raises InvalidArgument."""
    known = isinstance(model_id, str) and len(model_id) == 34 and model_id.startswith("m-")
    if isinstance(model_id, str) and known and set(model_id[2:]) <= set("0123456789abcdef"):
        return model_id
    raise InvalidArgument(f"{model_id!r:.80} is no id of a logged model: one is 'm-' and 32 hexadecimal digits")


def artifact_path(path: object) -> str:
    """`path` as the path of an artifact within its run, in normal form. Raises InvalidArgument."""
    if not isinstance(path, str):
        path = _as_text(path)
    parts = path.split("/")
    if (
        path
        and not any(_bad_part(part) for part in parts)
        and len(path.encode("utf-8", "surrogatepass")) <= MAX_PATH_BYTES
    ):
        return _normal_unicode(path)
    raise InvalidArgument(
        f"{path!r} is no artifact path: write parts joined by '/', none of them empty, '.' or '..', or ending in a dot "
        r"or space, without \ % # ? : and control characters"
    )


def _as_text(path: object) -> str:
    if hasattr(path, "__fspath__"):
        return str(path.__fspath__()).replace("\\", "/")
    raise InvalidArgument(f"an artifact path must be a str, not {type(path).__name__}")


def _bad_part(part: str) -> bool:
    if part in ("", ".", "..") or part[-1] in ". ":
        return True
    return not part.isprintable() or not _PATH_FORBIDDEN.isdisjoint(part)


def _normal_unicode(path: str) -> str:
    if path.isascii():
        return path
    import unicodedata

    composed = unicodedata.normalize("NFC", path)
    if any(_bad_part(part) for part in unicodedata.normalize("NFKC", composed).split("/")):
        raise InvalidArgument(f"{path!r} is no artifact path: it holds characters that look like a forbidden one")
    return composed
