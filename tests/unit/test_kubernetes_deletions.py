"""How the sandbox's provider of Kubernetes waits for what it deletes, where the server needs to be reminded."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from modelyard_sandbox.kubernetes.provider.api import ApiServer, Server
from modelyard_sandbox.kubernetes.provider.cluster import ClusterError, Kind

DEFINITIONS = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)
MAPS = Kind("v1", "ConfigMap", "configmaps", namespaced=True)
FINALIZER = "customresourcecleanup.apiextensions.k8s.io"


class Answer:
    """An answer of HTTP."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status, self.data = status, json.dumps(body).encode()
        self.headers = self

    def getlist(self, _: str) -> list[str]:
        return []

    def stream(self, _: int) -> list[bytes]:
        return []

    def close(self) -> None:
        pass


class Forgetful(ApiServer):
    """A server that finishes a deletion once somebody changes what it has forgotten. `refuses`: any such change."""

    def __init__(self, refuses: int = 0) -> None:
        super().__init__(Server("https://127.0.0.1:1", "", "token"), lambda: None, lambda _: None, threading.Event())
        self._refuses, self.changes, self._looks = refuses, [], 0
        self.changes: list[Any]

    def _ask(self, method: str, path: str, query: Any, body: Any, content: str, **how: Any) -> Any:
        if method == "PATCH":
            self.changes.append((path, body))
            if self._refuses:
                return Answer(self._refuses, {"reason": "Forbidden", "message": "no"})
        held = {"name": "things", "uid": "1", "resourceVersion": "7", "finalizers": [FINALIZER]}
        if method == "GET" and "watch" not in query:
            self._looks += 1
            gone = self.changes and not self._refuses
            if gone or self._looks > 3:
                return Answer(404, {"reason": "NotFound", "message": "gone"})
        return Answer(200, {"kind": "Thing", "metadata": held})


def test_a_definition_that_the_server_forgot_to_finish_is_changed_so_that_it_looks_again() -> None:
    server = Forgetful()
    server.delete(DEFINITIONS, "", "things", "Foreground", 60)
    ((path, body),) = server.changes
    assert path == "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things"
    assert body == {"metadata": {"annotations": {"modelyard.io/asked-again": "7"}}}


def test_who_may_delete_a_definition_but_not_change_it_waits_as_before() -> None:
    server = Forgetful(refuses=403)
    server.delete(DEFINITIONS, "", "things", "Foreground", 60)
    assert len(server.changes) == 3


def test_a_server_that_fails_at_the_reminder_is_reported() -> None:
    with pytest.raises(ClusterError, match="Forbidden"):
        Forgetful(refuses=500).delete(DEFINITIONS, "", "things", "Foreground", 60)


def test_other_objects_are_only_waited_for() -> None:
    server = Forgetful(refuses=403)
    server.delete(MAPS, "team", "things", "Foreground", 60)
    assert server.changes == []
