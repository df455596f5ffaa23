"""The histories of metrics, and the data sets of experiments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlflow.entities import Metric
from mlflow.store.entities.paged_list import PagedList
from mlflow.utils.search_utils import SearchUtils

from trackway.errors import NotFound
from trackway.integrations.mlflow import convert
from trackway.integrations.mlflow.refusals import invalid, raises_mlflow
from trackway.integrations.mlflow.server import Server

_MOST_HELD = 1_000_000
"""Points of a history, between one page and the next."""


@raises_mlflow
class HistoryMethods:
    """The methods of MLflow's tracking store that read metrics point by point."""

    _server: Server
    _held: tuple[tuple[str, str, str], list[Metric]] | None = None
    """What follows the page that was read last, by run, key and token: whoever reads page by page, as MlflowClient
    does, has the server read the series once."""

    def get_metric_history(
        self, run_id: str, metric_key: str, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList[Metric]:
        """Points by time and step; with `max_results` so many, and a token where there are more."""
        if max_results is not None and max_results < 1:
            raise invalid(f"max_results must be at least 1, not {max_results}")
        start = SearchUtils.parse_start_offset_from_page_token(page_token)
        points = self._following(run_id, metric_key, page_token, start)
        if max_results is None or len(points) <= max_results:
            return PagedList(points, None)
        token = SearchUtils.create_page_token(start + max_results)
        token = token if isinstance(token, str) else token.decode()
        rest = points[max_results:]
        if len(rest) <= _MOST_HELD:
            self._held = ((run_id, metric_key, token), rest)
        return PagedList(points[:max_results], token)

    def get_metric_history_bulk(self, run_ids: Sequence[str], metric_key: str, max_results: int) -> list[Metric]:
        """The first `max_results` points, run by run."""
        from mlflow.entities.metric import MetricWithRunId

        points: list[Metric] = []
        for run_id in run_ids:
            found = self._history(run_id, metric_key)[: max_results - len(points)]
            points += [MetricWithRunId(metric=each, run_id=run_id) for each in found]
        return points

    def _search_datasets(self, experiment_ids: Sequence[str]) -> list[Any]:
        """The data sets that runs of some experiments have read; MLflow's pages ask for them."""
        from mlflow.entities import _DatasetSummary

        self._server.writers.flush()
        found = self._server.client.tracking.search_datasets([str(each) for each in experiment_ids])
        return [_DatasetSummary(one.experiment_id, one.name, one.digest, one.context or None) for one in found]

    # -- inside ------------------------------------------------------------------------------------------------------

    def _following(self, run_id: str, metric_key: str, token: str | None, start: int) -> list[Metric]:
        """The points from an offset on."""
        held, self._held = self._held, None
        if token and held is not None and held[0] == (run_id, metric_key, token):
            return held[1]
        return self._history(run_id, metric_key)[start:]

    def _history(self, run_id: str, metric_key: str) -> list[Metric]:
        self._server.writers.flush(run_id)
        try:
            found = self._server.client.tracking.read_series(run_id, metric_key)
        except NotFound:
            found = []  # of what is not there, MLflow has no history
        return convert.history(found)
