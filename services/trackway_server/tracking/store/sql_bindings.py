"""Bindings over a SQLAlchemy connection. What each method promises: domain/ports.py."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from trackway_server.tracking.store.tables import EXPERIMENT_BINDINGS as BINDINGS
from trackway_server.tracking.store.tables import EXPERIMENTS


class SqlBindings:
    """Bindings, within the transaction of `connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def role(self, experiment_id: int, principal: str) -> int:
        """See Bindings."""
        query = select(BINDINGS.c.role).where(_of(experiment_id, principal))
        return self._connection.execute(query).scalar() or 0

    def role_in(self, workspace: str, principal: str) -> int:
        """See Bindings."""
        joined = BINDINGS.join(EXPERIMENTS, EXPERIMENTS.c.experiment_id == BINDINGS.c.experiment_id)
        query = select(func.max(BINDINGS.c.role)).select_from(joined)
        query = query.where(BINDINGS.c.principal == principal, EXPERIMENTS.c.workspace == workspace)
        return self._connection.execute(query).scalar() or 0

    def page(self, experiment_id: int, after: str, limit: int) -> list[tuple[str, int]]:
        """See Bindings."""
        query = select(BINDINGS.c.principal, BINDINGS.c.role).where(
            BINDINGS.c.experiment_id == experiment_id, BINDINGS.c.principal > after
        )
        return [(row.principal, row.role) for row in self._connection.execute(query.order_by("principal").limit(limit))]

    def count(self, experiment_id: int) -> int:
        """See Bindings."""
        query = select(func.count()).where(BINDINGS.c.experiment_id == experiment_id)
        return self._connection.execute(query).scalar_one()

    def put(self, experiment_id: int, principal: str, role: int) -> None:
        """See Bindings."""
        changed = self._connection.execute(BINDINGS.update().where(_of(experiment_id, principal)).values(role=role))
        if not changed.rowcount:
            row = {"experiment_id": experiment_id, "principal": principal, "role": role}
            self._connection.execute(BINDINGS.insert().values(row))

    def drop(self, experiment_id: int, principal: str) -> bool:
        """See Bindings."""
        return bool(self._connection.execute(BINDINGS.delete().where(_of(experiment_id, principal))).rowcount)


def bound_experiments(principal: str) -> Select[tuple[int]]:
    """The ids of the experiments to which a principal is bound."""
    return select(BINDINGS.c.experiment_id).where(BINDINGS.c.principal == principal)


def _of(experiment_id: int, principal: str) -> ColumnElement[bool]:
    return and_(BINDINGS.c.experiment_id == experiment_id, BINDINGS.c.principal == principal)
