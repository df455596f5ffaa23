"""Pages of runs, read: from cards those that have them, the others from the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from trackway_server.metrics.query import BySubject, MetricQueries, folded
from trackway_server.tracking import convert
from trackway_server.tracking.domain import runs
from trackway_server.tracking.domain.model import Run, RunInfo
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.run_cards import Card, Look, RunCards

MAX_SERIES = 100_000

ModelMetrics: TypeAlias = Callable[[Sequence[str], int], Awaitable[BySubject]]
"""The metrics of logged models that runs have measured, up to a number, by run."""


@dataclass(frozen=True, slots=True)
class RunPage:
    """What one transaction read of a page: `infos` are its runs, those without a card are `loaded`."""

    look: Look
    infos: Sequence[RunInfo]
    cards: dict[str, Card]
    loaded: Sequence[Run]
    sizes: dict[str, int]
    of_runs: BySubject | None
    """The series of `loaded`; None where summaries are to be brought up to date first."""


class RunPages:
    """Reads pages of runs."""

    def __init__(self, queries: MetricQueries, of_models: ModelMetrics) -> None:
        self._queries = queries
        self._of_models = of_models
        self._cards = RunCards()

    def look(self, unit: TrackingUnit) -> Look:
        """The first that a transaction does which reads a page."""
        return self._cards.look(unit)

    def read(self, unit: TrackingUnit, look: Look, infos: Sequence[RunInfo]) -> RunPage:
        """Read the first of these runs, as many as fit a message, with what was recorded of them."""
        ended = [info.run_id for info in infos if info.status.is_end]
        cards = look.of(set(ended).difference(unit.metrics.unfolded_subjects(ended)) if ended else ())
        missing = [info.run_id for info in infos if info.run_id not in cards]
        sizes = unit.text_sizes(missing)
        listed = runs.fitting(infos, sizes | {run_id: card.text_size for run_id, card in cards.items()})
        loaded = runs.load_runs(unit, [info for info in listed if info.run_id not in cards])
        run_ids = [run.info.run_id for run in loaded]
        return RunPage(look, listed, cards, loaded, sizes, folded(unit.metrics, run_ids, "", MAX_SERIES))

    async def messages(self, page: RunPage) -> list[bytes]:
        """The runs of a page, each a serialised tracking.v1.Run."""
        run_ids = [run.info.run_id for run in page.loaded]
        of_runs, of_models = page.of_runs, BySubject()
        if of_runs is None:
            of_runs = await self._queries.of_subjects(run_ids, context="", limit=MAX_SERIES)
        if run_ids:
            of_models = await self._of_models(run_ids, MAX_SERIES)
        series = {run_id: [*of_runs[run_id], *of_models.get(run_id, ())] for run_id in run_ids}
        made = {
            run.info.run_id: convert.run_to_proto(run, series[run.info.run_id]).SerializeToString()
            for run in page.loaded
        }
        whole = sum(map(len, series.values())) < MAX_SERIES
        cards = {
            run.info.run_id: Card(made[run.info.run_id], page.sizes.get(run.info.run_id, 0))
            for run in page.loaded
            if whole and run.info.status.is_end
        }
        self._cards.keep(page.look, cards, page.cards)
        return [
            page.cards[info.run_id].message if info.run_id in page.cards else made[info.run_id] for info in page.infos
        ]
