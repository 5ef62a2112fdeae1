"""The API of a real API server: kinds by discovery, objects by server-side apply, deletions awaited by a watch.

`urllib3` itself rather than the client generated for Python: that one can't send a header twice, which is how a caller
with several groups is impersonated.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import urllib3

from modelyard_sandbox.kubernetes.client import AGAIN
from modelyard_sandbox.kubernetes.provider.cluster import Cause, ClusterError, Kind, Object

_APPLY: Final = "application/apply-patch+yaml"
_MERGE: Final = "application/merge-patch+json"
_JSON: Final = "application/json"
_CONNECTIONS: Final = 32
_ANSWER: Final = 60.0
"""Seconds for one answer; a webhook may take 30."""
_LOOK: Final = 10
"""Seconds after which a watch begins anew, and may be given up."""
_DEFINITION: Final = "CustomResourceDefinition"
_ASKED_AGAIN: Final = "modelyard.io/asked-again"
_SETTLE: Final = 0.02
"""Seconds between two looks whether a new kind is served."""
_HELD: Final = "; run `yard sandbox start --kubernetes`"


@dataclass(frozen=True, slots=True)
class Server:
    """Where an API server answers, the PEM of the authority that signed its certificate, and a caller's token."""

    url: str
    authority: str
    token: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom the server is to take a request for. `groups`: beside `system:authenticated`."""

    user: str
    groups: Sequence[str] = ()


class ApiServer:
    """An API server. `caller` says for whom to ask, once somebody asks; None: for the token's owner.

    `warn` hears what the server warns of. `stopped`: set when the engine gives up.
    """

    def __init__(
        self,
        server: Server,
        caller: Callable[[], Caller | None],
        warn: Callable[[str], None],
        stopped: threading.Event,
    ) -> None:
        self._token = server.token
        self._caller = caller
        self._warn = warn
        self._stopped = stopped
        self._kinds: dict[tuple[str, str], Kind] = {}
        where = urlsplit(server.url)
        self._url = server.url
        self._pool = urllib3.HTTPSConnectionPool(
            where.hostname or "",
            where.port,
            ca_cert_data=server.authority,
            maxsize=_CONNECTIONS,
            block=False,
            retries=AGAIN,
            timeout=_ANSWER,
        )

    def kind(self, api_version: str, kind: str) -> Kind | None:
        """The kind of that name; None where nothing has brought it yet."""
        found = self._kinds.get((api_version, kind))
        if found is None:
            self._discover(api_version)
            found = self._kinds.get((api_version, kind))
        return found

    def _discover(self, api_version: str) -> None:
        listed = self._found("GET", _root(api_version))
        for resource in (listed or {}).get("resources", ()):
            if "/" not in resource["name"]:
                name = resource["kind"]
                known = Kind(api_version, name, resource["name"], bool(resource["namespaced"]))
                self._kinds[api_version, name] = known

    def await_kind(self, api_version: str, kind: str, patience: float) -> Kind:
        """The kind that a definition has just brought, once it is served."""
        deadline = time.monotonic() + patience
        while (found := self.kind(api_version, kind)) is None:
            if time.monotonic() > deadline:
                raise ClusterError(0, "Timeout", f"{kind} of {api_version} isn't served after {patience:.0f} s")
            if self._stopped.wait(_SETTLE):
                raise ClusterError(0, "Cancelled", f"gave up waiting for {kind} of {api_version}")
        return found

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object as it is; None where there is none."""
        return self._found("GET", _path(kind, namespace, name))

    def list(self, kind: Kind, namespace: str, labels: Mapping[str, str]) -> list[Object]:
        """The objects that carry these labels; of all namespaces where `namespace` is empty."""
        selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        found = self._found("GET", _path(kind, namespace), {"labelSelector": selector}) or {}
        return [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in found.get("items", ())]

    def apply(self, kind: Kind, wanted: Object, manager: str, *, dry_run: bool = False, force: bool = False) -> Object:
        """The object after applying `wanted` server-side for this field manager."""
        metadata = wanted["metadata"]
        query = {"force": "true"} if force else {}
        path = _path(kind, metadata.get("namespace", ""), metadata["name"])
        return self._send("PATCH", path, {**_written(manager, dry_run), **query}, wanted, _APPLY)

    def create(self, kind: Kind, wanted: Object, manager: str, *, dry_run: bool = False) -> Object:
        """A new object, whose name the server may choose."""
        path = _path(kind, wanted["metadata"].get("namespace", ""))
        return self._send("POST", path, _written(manager, dry_run), wanted, _JSON)

    def delete(self, kind: Kind, namespace: str, name: str, propagation: str, patience: float) -> None:
        """Delete an object and wait until it, and not one of its name, is gone."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        path = _path(kind, namespace, name)
        try:
            said = self._send("DELETE", path, {}, options, _JSON)
        except ClusterError as error:
            if error.code == 404:
                return
            raise
        if said.get("kind") == "Status":
            return
        self._await_gone(kind, namespace, name, said["metadata"]["uid"], patience)

    def _await_gone(self, kind: Kind, namespace: str, name: str, uid: str, patience: float) -> None:
        deadline = time.monotonic() + patience
        while True:
            left = self.get(kind, namespace, name)
            if left is None or left["metadata"]["uid"] != uid:
                return
            if self._stopped.is_set() or time.monotonic() > deadline:
                held = left["metadata"].get("finalizers") or (left.get("spec") or {}).get("finalizers") or ["nobody"]
                what = "gave up waiting" if self._stopped.is_set() else f"isn't gone after {patience:.0f} s"
                raise ClusterError(0, "Timeout", f"{name} {what}; it is held by {', '.join(held)}")
            self._watch(kind, namespace, name, left["metadata"]["resourceVersion"], deadline)
            if kind.name == _DEFINITION:
                self._remind(kind, left)

    def _remind(self, kind: Kind, left: Object) -> None:
        """Change a definition that stays, so that the server looks at it again.

        Its finalizer drops a definition whose status changed meanwhile, expects a change to bring it back, and takes
        changes of that status for its own: so it stays until the next look at all, minutes later.
        """
        metadata = left["metadata"]
        change = {"metadata": {"annotations": {_ASKED_AGAIN: metadata["resourceVersion"]}}}
        try:
            self._send("PATCH", _path(kind, "", metadata["name"]), {}, change, _MERGE)
        except ClusterError as error:
            if error.code not in (403, 404, 409):
                raise

    def _watch(self, kind: Kind, namespace: str, name: str, version: str, deadline: float) -> None:
        """Return when the object was deleted, and otherwise after a while: who calls looks anyway."""
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": version,
            "timeoutSeconds": str(max(1, min(_LOOK, int(deadline - time.monotonic())))),
        }
        answer = self._ask("GET", _path(kind, namespace), query, None, "", preload_content=False)
        try:
            if answer.status != 200:
                return
            for line in _lines(answer):
                if json.loads(line)["type"] in ("DELETED", "ERROR"):
                    return
        except urllib3.exceptions.HTTPError:
            return
        finally:
            answer.close()

    def _found(self, method: str, path: str, query: Mapping[str, str] | None = None) -> Object | None:
        try:
            return self._send(method, path, query or {}, None, "")
        except ClusterError as error:
            if error.code == 404:
                return None
            raise

    def _send(self, method: str, path: str, query: Mapping[str, str], body: Object | None, content: str) -> Object:
        answer = self._ask(method, path, query, body, content)
        said = _decoded(answer.data)
        if answer.status >= 400:
            raise refusal(answer.status, said)
        for text in answer.headers.getlist("Warning"):
            self._warn(_warning(text))
        return said

    def _ask(
        self, method: str, path: str, query: Mapping[str, str], body: Object | None, content: str, **how: Any
    ) -> Any:
        headers = urllib3.HTTPHeaderDict({"Authorization": f"Bearer {self._token}", "Accept": _JSON})
        if content:
            headers["Content-Type"] = content
        caller = self._caller()
        if caller is not None:
            headers["Impersonate-User"] = caller.user
            for group in caller.groups:
                headers.add("Impersonate-Group", group)
        url = f"{path}?{urlencode(query)}" if query else path
        try:
            sent = None if body is None else json.dumps(body)
            return self._pool.request(method, url, body=sent, headers=headers, **how)
        except urllib3.exceptions.HTTPError as error:
            raise ClusterError(
                0, "Unreachable", f"the sandbox's API server at {self._url} doesn't answer ({error}){_HELD}"
            ) from None


def refusal(code: int, status: Mapping[str, Any]) -> ClusterError:
    """An answer of the API that refuses (a `Status`), as an error; fields that the schema lacks are a cause each."""
    details = status.get("details") or {}
    causes = tuple(
        Cause(str(cause.get("field") or ""), str(cause.get("message") or "")) for cause in details.get("causes") or ()
    )
    message = str(status.get("message") or f"HTTP {code}")
    reason = str(status.get("reason") or "")
    undeclared = "field not declared in schema"
    if code == 500 and undeclared in message:
        field = message.rpartition(f": {undeclared}")[0].rpartition(" ")[2].lstrip(".")
        return ClusterError(422, "Invalid", f"unknown field {field!r}", (Cause(field, undeclared),))
    return ClusterError(code, reason, message, causes)


def _written(manager: str, dry_run: bool) -> dict[str, str]:
    query = {"fieldManager": manager, "fieldValidation": "Strict"}
    return {**query, "dryRun": "All"} if dry_run else query


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _path(kind: Kind, namespace: str, name: str = "") -> str:
    scope = f"/namespaces/{quote(namespace, safe='')}" if kind.namespaced and namespace else ""
    return f"{_root(kind.api_version)}{scope}/{kind.plural}" + (f"/{quote(name, safe='')}" if name else "")


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {"message": data.decode(errors="replace").strip()}
    return found if isinstance(found, dict) else {}


def _warning(header: str) -> str:
    """The text of a header `299 - "text"`."""
    return header.partition('"')[2].rpartition('"')[0].replace('\\"', '"') or header


def _lines(answer: Any) -> Any:
    left = b""
    for piece in answer.stream(1 << 16):
        *whole, left = (left + piece).split(b"\n")
        yield from whole
