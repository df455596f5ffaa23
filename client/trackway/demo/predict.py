"""The fresh process: `python -m trackway.demo.predict MODEL_URI HELD_OUT`.

It knows nothing of the training but the model's address and a file of examples, as a deployment would. Prints one line
of JSON: what it takes each of them for.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

import trackway
from trackway.demo.data import read_shard


def main() -> int:
    """Resolve, load, predict, report."""
    uri, examples = sys.argv[1], Path(sys.argv[2])
    x, _ = read_shard(examples)
    model = trackway.pyfunc.load_model(uri)
    predicted = np.asarray(model.predict(x))
    print(json.dumps({"predicted": predicted.tolist()}))  # noqa: T201 - the parent reads it
    return 0


if __name__ == "__main__":
    sys.exit(main())
