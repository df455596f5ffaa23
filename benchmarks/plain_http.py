"""The plain HTTP client that drives both products' REST: one connection that is kept, JSON in and out."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from benchmarks.processes import BenchmarkError

PREFIX = "/api/2.0/mlflow/"


class PlainHttp:
    """Calls of MLflow's REST. A caller closes it."""

    def __init__(self, uri: str, token: str = "") -> None:
        address = urlsplit(uri)
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Answers the JSON of the answer; BenchmarkError where that is no 200."""
        return self._call("POST", path, json.dumps(body).encode())

    def get(self, path: str, **query: object) -> Any:
        """The same with a query."""
        return self._call("GET", f"{path}?{urlencode(query)}", None)

    def seconds_to_post(self, path: str, body: Mapping[str, Any]) -> float:
        """How long a call takes, what is sent being JSON already."""
        sent = json.dumps(body).encode()
        began = time.perf_counter()
        self._call("POST", path, sent)
        return time.perf_counter() - began

    def seconds_to_get(self, path: str, **query: object) -> float:
        """How long a call takes."""
        began = time.perf_counter()
        self.get(path, **query)
        return time.perf_counter() - began

    def close(self) -> None:
        self._connection.close()

    def _call(self, method: str, path: str, body: bytes | None) -> Any:
        self._connection.request(method, PREFIX + path, body, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != http.client.OK:
            raise BenchmarkError(f"{path} was answered {answer.status}: {text[:200]!r}")
        return json.loads(text)
