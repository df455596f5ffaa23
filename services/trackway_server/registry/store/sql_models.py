"""The registered models in SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from trackway_server.core.search.conditions import Search
from trackway_server.core.search.ordering import Place
from trackway_server.registry.domain.model import ModelDraft, ModelKey, RegisteredModel
from trackway_server.registry.domain.search import FoundModel
from trackway_server.registry.store.sql_load import load_models, model_parameters, of_model
from trackway_server.registry.store.sql_renaming import rename
from trackway_server.registry.store.sql_search import search_models
from trackway_server.registry.store.tables import MODEL_TAGS, MODELS

_EXISTS = select(MODELS.c.name).where(of_model(MODELS))
_UPDATE = update(MODELS).where(of_model(MODELS))
_DELETE = delete(MODELS).where(of_model(MODELS))
_DELETE_TAGS = delete(MODEL_TAGS).where(of_model(MODEL_TAGS), MODEL_TAGS.c.key.in_(bindparam("keys", expanding=True)))


class SqlModels:
    """See Models."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, key: ModelKey) -> RegisteredModel | None:
        return load_models(self._connection, key.workspace, [key.name]).get(key.name)

    def exists(self, key: ModelKey) -> bool:
        return self._connection.execute(_EXISTS, model_parameters(key)).first() is not None

    def search(
        self, workspace: str, search: Search, after: Place | None, limit: int, among: Collection[str] | None = None
    ) -> Sequence[FoundModel]:
        found = search_models(self._connection, workspace, among, search, after, limit)
        models = load_models(self._connection, workspace, [name for name, _ in found])
        return [FoundModel(models[name], place) for name, place in found]

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
        self._connection.execute(_UPDATE.values(description=description), model_parameters(key))

    def change_tags(self, key: ModelKey, to_set: Mapping[str, str], to_delete: Collection[str]) -> None:
        gone = [*to_set, *to_delete]
        if gone:
            self._connection.execute(_DELETE_TAGS, {**model_parameters(key), "keys": gone})
        if to_set:
            owner = {"workspace": key.workspace, "name": key.name}
            rows = [{**owner, "key": tag, "value": value} for tag, value in to_set.items()]
            self._connection.execute(insert(MODEL_TAGS), rows)

    def touch(self, key: ModelKey, time_us: int, revision: int | None = None) -> None:
        values = {"update_time_us": time_us} if revision is None else {"update_time_us": time_us, "revision": revision}
        self._connection.execute(_UPDATE.values(values), model_parameters(key))

    def rename(self, key: ModelKey, new_name: str) -> None:
        rename(self._connection, key, new_name)

    def delete(self, key: ModelKey) -> None:
        self._connection.execute(_DELETE, model_parameters(key))
