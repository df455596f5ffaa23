"""The console script `trackway`, and how it tells errors.

Typer is loaded for every command but `server`, which parses its own options: it starts in less than a second, of which
typer would be a tenth.
"""

from __future__ import annotations

import os
import sys

from trackway.cli.serve import WRONGLY_WRITTEN, run_gc, run_server, tell
from trackway.errors import TrackwayError

_REFUSED = 1
_INTERRUPTED = 130


def main() -> None:
    """Run the command line: exit code 0, 1 where it was refused, 2 where the command is written wrongly."""
    # What gRPC's core has to say of a certificate that does not fit, the error says in one line.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    if sys.stdout is None:  # closed by who called
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - kept open; no pathlib for this
    if any("\udc80" <= letter <= "\udcff" for word in arguments for letter in word):
        tell("an argument is no text: write it in UTF-8")
        return WRONGLY_WRITTEN
    try:
        if arguments[:1] == ["server"]:
            return run_server(arguments[1:])
        if arguments[:1] == ["gc"]:  # known by this name from MLflow
            return run_gc(arguments[1:])
        from trackway.cli.commands import app

        app(arguments, prog_name="trackway")
    except TrackwayError as error:
        tell(str(error))
    except ModuleNotFoundError as error:
        tell(f"{error.name} is missing: install it with: pip install {error.name}")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        tell(f"{where}{error.strerror or error}")
    except KeyboardInterrupt:
        return _INTERRUPTED
    return _REFUSED


if __name__ == "__main__":
    main()
