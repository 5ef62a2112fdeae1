"""`helm.sh/v3:Release`: the definitions that a chart brings, and Helm's own record of the release.

Nothing of a chart is rendered, so nothing of it runs; what others rely on, its kinds, is there. Its definitions go with
the release, and so does the namespace that it made. (Helm leaves the namespace behind, and definitions of a chart's
`crds/` folder; the sandbox would never be empty again.)
"""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

from modelyard.core.errors import EmulatorError
from modelyard_sandbox.kubernetes.provider import charts
from modelyard_sandbox.kubernetes.provider.cluster import Cluster, ClusterError, Kind, Object
from modelyard_sandbox.kubernetes.provider.objects import automatic_name
from modelyard_sandbox.plugins.answers import Difference, Found, ProviderError, Refusal, add_paths
from modelyard_sandbox.plugins.messages import Messages
from modelyard_sandbox.plugins.values import Properties, has_unknown, keep_secret, plain

RELEASE: Final = "kubernetes:helm.sh/v3:Release"
MANAGER: Final = "helm"
_AUTONAMED: Final = "__autonamed"
_OUTPUTS: Final = ("status", "resourceNames", "unverified", _AUTONAMED)
_IDENTITY: Final = ("name", "namespace")
_RECORD: Final = "helm.sh/release.v1"
_HISTORY: Final = 10
"""Revisions that Helm keeps, unless `maxHistory` says otherwise."""
_SERVED: Final = 60.0
_AT_ONCE: Final = 8
_MANAGED: Final = "app.kubernetes.io/managed-by"
_HELM: Final = "Helm"
_OWNER: Final = "meta.helm.sh/release-name"
_OWNER_NAMESPACE: Final = "meta.helm.sh/release-namespace"
_DEFINITION: Final = Kind(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)
_SECRET: Final = Kind("v1", "Secret", "secrets", namespaced=True)
_NAMESPACE: Final = Kind("v1", "Namespace", "namespaces", namespaced=False)


class Releases:
    """Releases of Helm in one cluster. `namespace`: of those that name none."""

    def __init__(self, cluster: Cluster, namespace: str, messages: Messages) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._messages = messages

    def check(self, urn: str, olds: Properties, news: Properties, seed: bytes) -> tuple[Properties, list[Refusal]]:
        """Inputs with a name and a namespace, and what keeps the chart from being installed."""
        old, inputs = plain(olds), plain(news)
        inputs = {key: value for key, value in inputs.items() if value is not None and key not in _OUTPUTS}
        if not inputs.get("name"):
            kept = old.get("name") if old.get(_AUTONAMED) else None
            inputs |= {"name": kept or automatic_name(urn, seed), _AUTONAMED: True}
        inputs.setdefault("namespace", self._namespace)
        found = [
            Refusal(key, "isn't understood by the sandbox; say it in values")
            for key in ("valueYamlFiles", "postrender")
            if inputs.get(key)
        ]
        if not has_unknown(inputs.get("values")) and not has_unknown(inputs.get("chart")):
            found += [Refusal(path, reason) for path, reason in charts.refused_values(inputs)]
        return keep_secret(inputs, news), found

    def diff(self, old_inputs: Properties, state: Properties, news: Properties) -> Difference:
        """What another revision changes; another name or namespace is another release."""
        old, new = _said(plain(old_inputs) or plain(state)), _said(plain(news))
        paths: dict[str, Any] = {}
        for key in sorted({*old, *new}):
            add_paths(key, old.get(key), new.get(key), paths)
        replaces = frozenset(key for key in _IDENTITY if key in paths)
        return Difference(frozenset(path.partition(".")[0].partition("[")[0] for path in paths), replaces, paths)

    def create(self, urn: str, news: Properties, *, preview: bool) -> tuple[str, Properties]:
        """The first revision: namespace, definitions, record."""
        inputs = plain(news)
        if preview or has_unknown(inputs):
            return "", news
        chart = self._chart(urn, inputs)

        def install() -> list[str]:
            if self._records(inputs):
                raise ClusterError(409, "AlreadyExists", "cannot re-use a name that is still in use")
            if inputs.get("createNamespace") and self._cluster.get(_NAMESPACE, "", inputs["namespace"]) is None:
                wanted = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": inputs["namespace"]}}
                self._cluster.apply(_NAMESPACE, _owned(inputs, wanted), MANAGER)
            definitions = self._define(chart, inputs)
            self._record(inputs, chart, 1, "Install complete")
            return definitions

        definitions = self._asked(f"installing {inputs['name']}", install)
        return f"{inputs['namespace']}/{inputs['name']}", self._state(news, chart, 1, definitions)

    def update(self, urn: str, state: Properties, news: Properties, *, preview: bool) -> Properties:
        """The next revision."""
        inputs = plain(news)
        if preview or has_unknown(inputs):
            return {key: value for key, value in news.items() if key not in _OUTPUTS}
        chart = self._chart(urn, inputs)

        def upgrade() -> tuple[int, list[str]]:
            before = self._records(inputs)
            revision = max(before, default=0) + 1
            definitions = self._define(chart, inputs)
            self._record(inputs, chart, revision, "Upgrade complete")
            keep = int(inputs.get("maxHistory") or _HISTORY)
            for number, record in sorted(before.items()):
                if number <= revision - keep:
                    self._cluster.delete(_SECRET, inputs["namespace"], _name(inputs, number), "Background", _SERVED)
                elif record["metadata"]["labels"]["status"] == "deployed":
                    self._supersede(record)
            return revision, definitions

        revision, definitions = self._asked(f"upgrading {inputs['name']}", upgrade)
        return self._state(news, chart, revision, definitions)

    def read(self, id: str, urn: str, inputs: Properties, state: Properties) -> Found | None:
        """The newest revision as Helm's record has it; None where there is none."""
        namespace, _, name = id.rpartition("/")
        place = {"name": name, "namespace": namespace or self._namespace}
        records = self._asked(f"reading {id}", lambda: self._records(place))
        if not records:
            return None
        revision = max(records)
        release = read_record(records[revision])
        metadata = release["chart"]["metadata"]
        known = plain(inputs)
        found = {"chart": metadata["name"], **known, **place, "values": release["config"]}
        if known.get("version") or not known:
            found["version"] = metadata["version"]
        if not found["values"] and "values" not in known:
            del found["values"]
        wanted = keep_secret(found, inputs)
        chart = charts.known(found)
        names = (plain(state).get("resourceNames") or {}).get("CustomResourceDefinition/v1") or []
        return Found(f"{place['namespace']}/{name}", self._state(wanted, chart, revision, names), wanted)

    def delete(self, id: str, urn: str, state: Properties, patience: float) -> None:
        """All revisions, definitions that no other release brought, and with the last release the namespace it made."""
        namespace, _, name = id.rpartition("/")
        place = {"name": name, "namespace": namespace or self._namespace}

        def uninstall() -> None:
            owned = [
                definition["metadata"]["name"]
                for definition in self._cluster.list(_DEFINITION, "", {_MANAGED: _HELM})
                if _is_owner(place, definition)
            ]
            self._at_once(lambda each: self._cluster.delete(_DEFINITION, "", each, "Foreground", patience), owned)
            for number in self._records(place):
                self._cluster.delete(_SECRET, place["namespace"], _name(place, number), "Background", patience)
            space = self._cluster.get(_NAMESPACE, "", place["namespace"])
            if space is not None and _is_made(space) and not self._records({"namespace": place["namespace"]}):
                self._cluster.delete(_NAMESPACE, "", place["namespace"], "Foreground", patience)

        self._asked(f"uninstalling {name}", uninstall)

    def _chart(self, urn: str, inputs: Properties) -> charts.Known:
        chart = charts.known(inputs)
        for unknown in chart.unknown:
            self._messages.warn(unknown, urn)
        return chart

    def _define(self, chart: charts.Known, inputs: Properties) -> list[str]:
        """Install the chart's definitions, and wait until they are served; their names.

        What is there and isn't Helm's stays as it is. Raises `ClusterError` for what another release brought.
        """
        if not chart.definitions or (chart.in_folder and inputs.get("skipCrds")):
            return []
        definitions = chart.manifests()
        wanted: list[Object] = []
        for definition in definitions:
            name = definition["metadata"]["name"]
            live = self._cluster.get(_DEFINITION, "", name)
            if live is not None and not _is_owner(inputs, live):
                owner = (live["metadata"].get("annotations") or {}).get(_OWNER)
                if owner and not chart.in_folder:
                    raise ClusterError(
                        409, "AlreadyExists", f"{name} exists and belongs to the release {owner}: invalid ownership"
                    )
                continue
            wanted.append(_owned(inputs, definition))
        self._at_once(lambda each: self._cluster.apply(_DEFINITION, each, MANAGER, force=True), wanted)
        for definition in definitions:
            spec = definition["spec"]
            for version in spec["versions"]:
                if version["served"]:
                    self._cluster.await_kind(f"{spec['group']}/{version['name']}", spec["names"]["kind"], _SERVED)
        return [definition["metadata"]["name"] for definition in definitions]

    def _records(self, place: Mapping[str, Any]) -> dict[int, Object]:
        """Helm's records of a release, by revision; without `name`, of any in the namespace."""
        labels = {"owner": MANAGER, **({"name": str(place["name"])} if "name" in place else {})}
        found = self._cluster.list(_SECRET, str(place["namespace"]), labels)
        return {int(record["metadata"]["labels"]["version"]): record for record in found}

    def _record(self, inputs: Properties, chart: charts.Known, revision: int, description: str) -> None:
        now = datetime.now(UTC).isoformat()
        unverified = "; values unverified" if chart.unverified else ""
        release = {
            "name": inputs["name"],
            "namespace": inputs["namespace"],
            "version": revision,
            "info": {
                "first_deployed": now,
                "last_deployed": now,
                "deleted": "",
                "description": f"{description}{unverified}",
                "status": "deployed",
            },
            "chart": {"metadata": {"apiVersion": "v2", "name": chart.name, "version": chart.version}, "values": {}},
            "config": inputs.get("values") or {},
            "manifest": "",
        }
        self._write(_name(inputs, revision), release, "deployed")

    def _supersede(self, record: Object) -> None:
        release = read_record(record)
        release["info"]["status"] = "superseded"
        self._write(record["metadata"]["name"], release, "superseded")

    def _write(self, name: str, release: Mapping[str, Any], status: str) -> None:
        packed = base64.b64encode(gzip.compress(json.dumps(release).encode(), mtime=0))
        labels = {
            "owner": MANAGER,
            "name": release["name"],
            "status": status,
            "version": str(release["version"]),
            "modifiedAt": str(int(time.time())),
        }
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": release["namespace"], "labels": labels},
            "type": _RECORD,
            "data": {"release": base64.b64encode(packed).decode()},
        }
        self._cluster.apply(_SECRET, secret, MANAGER, force=True)

    @staticmethod
    def _state(news: Properties, chart: charts.Known, revision: int, definitions: Sequence[str]) -> Properties:
        inputs = plain(news)
        status = {
            "name": inputs["name"],
            "namespace": inputs["namespace"],
            "chart": chart.name,
            "version": chart.version,
            "revision": revision,
            "status": "deployed",
        }
        names = {"CustomResourceDefinition/v1": list(definitions)} if definitions else {}
        unverified = {"unverified": ["values"]} if chart.unverified else {}
        return {**news, "status": status, "resourceNames": names, **unverified}

    @staticmethod
    def _at_once(work: Callable[[Any], Any], items: Sequence[Any]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(work, items))

    @staticmethod
    def _asked(what: str, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except (ClusterError, EmulatorError) as error:
            raise ProviderError(f"{what}: {error}") from error


def read_record(secret: Object) -> dict[str, Any]:
    """The release that one of Helm's records holds."""
    packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
    return json.loads(gzip.decompress(packed))


def _said(inputs: Properties) -> Properties:
    return {key: value for key, value in inputs.items() if key not in _OUTPUTS}


def _name(place: Mapping[str, Any], revision: int) -> str:
    return f"sh.helm.release.v1.{place['name']}.v{revision}"


def _owned(place: Mapping[str, Any], wanted: Object) -> Object:
    """An object that says which release made it, as Helm writes it."""
    metadata = wanted["metadata"]
    return {
        **{key: value for key, value in wanted.items() if key != "status"},
        "metadata": {
            "name": metadata["name"],
            "labels": {**(metadata.get("labels") or {}), _MANAGED: _HELM},
            "annotations": {
                **(metadata.get("annotations") or {}),
                _OWNER: place["name"],
                _OWNER_NAMESPACE: place["namespace"],
            },
        },
    }


def _is_made(space: Object) -> bool:
    return (space["metadata"].get("labels") or {}).get(_MANAGED) == _HELM


def _is_owner(place: Mapping[str, Any], live: Object) -> bool:
    annotations = live["metadata"].get("annotations") or {}
    return (annotations.get(_OWNER), annotations.get(_OWNER_NAMESPACE)) == (place["name"], place["namespace"])
