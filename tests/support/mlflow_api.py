"""MLflow's REST API of one server, called as its documentation says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from trackway_server.gateway.mlflow.endpoint import PREFIXES
from trackway_server.gateway.mlflow.errors import STATUS_OF


@dataclass
class Api:
    """Calls with parameters by name, in the address of a GET, else in a JSON object."""

    client: httpx.AsyncClient

    async def call(self, method: str, path: str, **given: Any) -> httpx.Response:
        """The answer, whatever it is."""
        where = {"params": given} if method == "GET" else {"json": given}
        return await self.client.request(method, PREFIXES[0] + path, **where)

    async def done(self, method: str, path: str, **given: Any) -> Any:
        """The answer to a call that must succeed."""
        answer = await self.call(method, path, **given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, method: str, path: str, **given: Any) -> tuple[int, str]:
        """How a call is refused."""
        answer = await self.call(method, path, **given)
        value = answer.json()
        assert STATUS_OF[value["error_code"]] == answer.status_code
        return answer.status_code, value["error_code"]

    async def version(self, name: str, source: str = "s3://bucket/model", **more: Any) -> Any:
        """A new version."""
        return (await self.done("POST", "/model-versions/create", name=name, source=source, **more))["model_version"]

    async def model(self, name: str, **more: Any) -> Any:
        """A new registered model."""
        return (await self.done("POST", "/registered-models/create", name=name, **more))["registered_model"]

    async def logged_model(self, **more: Any) -> Any:
        """A new logged model."""
        return (await self.done("POST", "/logged-models", **{"experiment_id": "0", **more}))["model"]
