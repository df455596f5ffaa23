"""The fresh process: `python -m trackway.demo.predict MODEL_URI HELD_OUT`.

It knows nothing of the training but the model's address and a file of examples, as a deployment would. Prints one line
of JSON: how many it was asked, how many it had right, and the version that answered.
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
    x, y = read_shard(examples)
    model = trackway.pyfunc.load_model(uri)
    predicted = np.asarray(model.predict(x))
    report = {"asked": len(y), "right": int((predicted == y).sum()), "predicted": predicted.tolist()}
    print(json.dumps(report))  # noqa: T201 - the parent reads it
    return 0


if __name__ == "__main__":
    sys.exit(main())
