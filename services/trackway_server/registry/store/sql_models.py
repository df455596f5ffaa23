"""The registered models in SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select, update

from trackway_server.registry.domain.model import ModelDraft, ModelKey, RegisteredModel
from trackway_server.registry.store.sql_load import is_model, load_models
from trackway_server.registry.store.tables import MODEL_TAGS, MODELS


class SqlModels:
    """See Models."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, key: ModelKey) -> RegisteredModel | None:
        rows = self._connection.execute(select(MODELS).where(is_model(MODELS, key))).all()
        return next(iter(load_models(self._connection, key.workspace, rows)), None)

    def exists(self, key: ModelKey) -> bool:
        return self._connection.execute(select(MODELS.c.name).where(is_model(MODELS, key))).first() is not None

    def page(self, workspace: str, after: str, limit: int) -> Sequence[RegisteredModel]:
        query = select(MODELS).where(MODELS.c.workspace == workspace, MODELS.c.name > after)
        rows = self._connection.execute(query.order_by(MODELS.c.name).limit(limit)).all()
        return load_models(self._connection, workspace, rows)

    def insert(self, draft: ModelDraft, revision: int, time_us: int) -> None:
        values = {
            "workspace": draft.key.workspace,
            "name": draft.key.name,
            "description": draft.description,
            "create_time_us": time_us,
            "update_time_us": time_us,
            "revision": revision,
        }
        self._connection.execute(insert(MODELS).values(values))
        self.change_tags(draft.key, draft.tags, ())

    def describe(self, key: ModelKey, description: str) -> None:
        self._connection.execute(update(MODELS).where(is_model(MODELS, key)).values(description=description))

    def change_tags(self, key: ModelKey, to_set: Mapping[str, str], to_delete: Collection[str]) -> None:
        gone = [*to_set, *to_delete]
        if gone:
            self._connection.execute(delete(MODEL_TAGS).where(is_model(MODEL_TAGS, key), MODEL_TAGS.c.key.in_(gone)))
        if to_set:
            owner = {"workspace": key.workspace, "name": key.name}
            rows = [{**owner, "key": tag, "value": value} for tag, value in to_set.items()]
            self._connection.execute(insert(MODEL_TAGS), rows)

    def touch(self, key: ModelKey, time_us: int, revision: int | None = None) -> None:
        values = {"update_time_us": time_us} if revision is None else {"update_time_us": time_us, "revision": revision}
        self._connection.execute(update(MODELS).where(is_model(MODELS, key)).values(values))

    def delete(self, key: ModelKey) -> None:
        self._connection.execute(delete(MODELS).where(is_model(MODELS, key)))
