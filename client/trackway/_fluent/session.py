"""Which server and which experiment new runs of this process go to.

Both choices are kept where child processes inherit them: in this process's environment.

    server       set_tracking_uri() · TRACKWAY_URI · the profile · trackway://127.0.0.1:7701   (see trackway.config)
    experiment   set_experiment() · TRACKWAY_EXPERIMENT_NAME · TRACKWAY_EXPERIMENT_ID · the same with MLFLOW_ · Default
"""

from __future__ import annotations

import os

from trackway import config
from trackway.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trackway.client import Client

_PREFIXES = ("TRACKWAY_", "MLFLOW_")
_ON = ("1", "true", "yes", "on")
_OFF = ("0", "false", "no", "off")
_clients: dict[config.ServerAddress, Client] = {}


def set_tracking_uri(uri: str | None) -> None:
    """Choose the server of this process: `trackway://HOST:PORT`, or `trackways://` for TLS. None: as configured.

    Raises InvalidArgument for what is no address. The server need not be there.
    """
    if not uri:
        os.environ.pop("TRACKWAY_URI", None)
        return
    os.environ["TRACKWAY_URI"] = config.parse_uri(os.fspath(uri)).uri


def get_tracking_uri() -> str:
    """The address of the server that runs go to."""
    chosen = os.environ.get("TRACKWAY_URI") or profile_setting("uri") or config.DEFAULT_URI
    return config.parse_uri(chosen).uri


def is_tracking_uri_set() -> bool:
    """Whether a server was chosen by call, environment or profile."""
    return bool(os.environ.get("TRACKWAY_URI") or profile_setting("uri"))


def profile_setting(name: str) -> str | None:
    """A setting of the profile. TOML is parsed only where the setting occurs: that costs milliseconds."""
    try:
        with open(config.profile_path(), "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    if not any(line.lstrip().startswith(name.encode()) for line in lines):
        return None
    value = config.read_profile().get(name)
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return value if isinstance(value, str) else None


def environment_setting(name: str) -> str | None:
    """`TRACKWAY_name`, or else `MLFLOW_name`."""
    return next((value for prefix in _PREFIXES if (value := os.environ.get(prefix + name))), None)


def setting(name: str) -> str | None:
    """`TRACKWAY_name`, or else `MLFLOW_name`, or else the profile's `name` in lower case."""
    return environment_setting(name) or profile_setting(name.lower())


def switch(name: str) -> bool:
    """Whether a setting is on. Raises InvalidArgument for what is neither true nor false."""
    value = setting(name)
    text = (value or "false").strip().lower()
    if text not in (*_ON, *_OFF):
        raise InvalidArgument(f"TRACKWAY_{name} is {value!r}: write true or false")
    return text in _ON


def captured_source() -> str:
    """How much runs tell of what they were started from: `full`, `tags` or `off`. Raises InvalidArgument."""
    chosen = setting("CAPTURE_SOURCE") or "full"
    if chosen not in ("full", "tags", "off"):
        raise InvalidArgument(f"TRACKWAY_CAPTURE_SOURCE is {chosen!r}: write full, tags or off")
    if chosen == "full" and os.environ.get("TRACKWAY_UPLINK") == "off":
        return "tags"  # nobody is there to do the rest
    return chosen


def number(name: str, default: int) -> int:
    """A setting that is a number from 1 on. Raises InvalidArgument for anything else."""
    value = setting(name) or str(default)
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 1 << 62):
        raise InvalidArgument(f"TRACKWAY_{name} is {value!r}: write a whole number from 1 on")
    return int(value)


def select_experiment(name: str = "", experiment_id: str = "") -> None:
    """Choose the experiment of the runs that follow, by one of the two."""
    for prefix in _PREFIXES:
        os.environ.pop(f"{prefix}EXPERIMENT_NAME", None)
        os.environ.pop(f"{prefix}EXPERIMENT_ID", None)
    os.environ["TRACKWAY_EXPERIMENT_NAME" if name else "TRACKWAY_EXPERIMENT_ID"] = name or experiment_id


def selected_experiment() -> tuple[str, str]:
    """Name and id of the chosen experiment, one of them empty; both are for `Default`."""
    name = environment_setting("EXPERIMENT_NAME")
    return (name, "") if name else ("", environment_setting("EXPERIMENT_ID") or "")


def server(uri: str | None = None) -> Client:
    """A client of the chosen server (or of another), kept for the process. The first call loads gRPC."""
    from trackway.client import Client

    address = config.resolve(uri or get_tracking_uri())
    if address not in _clients:
        _clients[address] = Client(address)
    return _clients[address]
