"""`python -m trackway_server` is `trackway server`."""

from __future__ import annotations

import sys

from trackway_server.app.cli import main

if __name__ == "__main__":
    sys.exit(main())
