"""P7: the twenty fixed searches, and the runs they go through.

Every run has 20 params, 20 metrics and 2 tags. `acc` falls as `loss` rises, `gap` is the difference of two: filters by
both are anti-correlated, and what planners expect of them is far off.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

MODELS = ("resnet", "vit", "mlp", "gru", "gpt")
TEAMS = tuple(f"team-{number}" for number in range(10))
PARAMS = ("model", "lr", "batch", "seed", *(f"p{number}" for number in range(16)))
METRICS = ("loss", "acc", "gap", "epoch", *(f"m{number}" for number in range(16)))


@dataclass(frozen=True, slots=True)
class SearchedRun:
    """One run of the benchmark."""

    run_id: str
    name: str
    start_time_us: int
    status: int
    params: tuple[str, ...]
    metrics: tuple[float, ...]
    team: str


def runs(count: int) -> Iterator[SearchedRun]:
    """The runs, the same every time; they began a second after one another."""
    chance = random.Random(7)
    for number in range(count):
        loss = chance.random()
        acc = 1 - loss + chance.uniform(-0.05, 0.05)
        model = MODELS[min(4, int(chance.expovariate(1)))]
        lr = f"{10 ** chance.uniform(-5, -1):.2g}"
        params = (model, lr, str(2 ** chance.randint(3, 9)), str(number))
        params += tuple(str(chance.randint(0, 10 ** (place // 4 + 1))) for place in range(16))
        others = (chance.gauss(0, 1) for _ in range(16))
        metrics = (loss, acc, loss - acc, float(chance.choice((10, 20, 50))), *others)
        yield SearchedRun(
            f"{0x19000000 + number:012x}{chance.getrandbits(80):020x}",
            f"{model}-{number}",
            1_700_000_000_000_000 + number * 1_000_000,
            chance.choice((3, 3, 3, 4)),
            params,
            metrics,
            chance.choice(TEAMS),
        )


SEARCHES: tuple[tuple[str, str], ...] = (
    ("", "metrics.acc DESC"),
    ("metrics.loss < 0.5", "metrics.acc DESC"),
    ("metrics.loss < 0.001", "metrics.m0 ASC"),
    ("metrics.loss > 0.5", "metrics.acc DESC"),  # anti-correlated with the order
    ("metrics.loss > 0.6 AND metrics.acc > 0.6", "metrics.m1 DESC"),  # nothing, of two with 40 % each
    ("metrics.loss > 0.5 AND metrics.acc > 0.5", "metrics.acc DESC"),  # about 1 %, at the end of the order's half
    ("metrics.loss > 0.5 AND metrics.acc > 0.5", "metrics.m2 ASC"),
    ("params.model = 'gpt'", "metrics.acc DESC"),
    ("params.model = 'vit' AND params.batch = '64'", "metrics.loss ASC"),
    ("params.seed = '4711'", "metrics.loss ASC"),
    ("params.lr < 0.0001 AND metrics.m3 > 1", "metrics.m3 DESC"),
    ("params.model = 'resnet' AND metrics.loss < 0.1 AND tags.team = 'team-3'", "metrics.loss ASC"),
    ("tags.team = 'team-1'", "metrics.m4 DESC"),
    ("attributes.status = 'FAILED'", "metrics.acc DESC"),
    ("attributes.status = 'FINISHED' AND metrics.m5 > 2.5 AND metrics.m6 > 1.5", "metrics.m7 DESC"),
    ("attributes.run_name LIKE 'gpt-%7' AND metrics.loss < 0.3", "metrics.acc DESC"),
    ("params.p15 LIKE '9%' AND metrics.epoch = 50", "metrics.loss ASC"),
    ("metrics.epoch = 20 AND params.batch IN ('8', '512')", "metrics.epoch DESC"),  # all equal in the order
    ("attributes.start_time > '2023-11-15' AND params.lr >= 0.05", "metrics.acc ASC"),
    ("metrics.gap > 0.9 AND metrics.m8 < -2", "metrics.acc ASC"),
)
"""Filter and order; each is asked for its first 100 runs. All are in MLflow's grammar but those by numbers of params
(`params.lr < …`), literals of times, and IN of a param."""
