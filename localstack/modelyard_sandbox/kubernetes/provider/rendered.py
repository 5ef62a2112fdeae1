"""A cluster that nobody runs: objects are checked by published schemas and written to a folder, one file each.

Files are called as Pulumi's own rendering calls them; definitions lie apart, since they have to be applied first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import yaml

from modelyard_sandbox.kubernetes.provider import schemas
from modelyard_sandbox.kubernetes.provider.cluster import Cause, ClusterError, Kind, Object

DEFINITIONS: Final = "0-crd"
OBJECTS: Final = "1-manifest"
_DEFINITION: Final = "CustomResourceDefinition"


class Rendered:
    """The objects below `folder`. `warn` hears which kinds nobody could check."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        self._folder = folder
        self._warn = warn
        self._seen: dict[Path, tuple[int, Object]] = {}

    def kind(self, api_version: str, kind: str) -> Kind | None:
        """The kind of that name; of one that nobody knows, objects lie where they say."""
        definition = self._definition(api_version, kind)
        namespaced = schemas.namespaced(api_version, kind)
        if definition is not None:
            namespaced = definition["spec"]["scope"] == "Namespaced"
        return Kind(api_version, kind, f"{kind.lower()}s", bool(namespaced))

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object as it was written."""
        return self._read(self._path(kind, namespace, name))

    def list(self, kind: Kind, namespace: str, labels: Mapping[str, str]) -> list[Object]:
        """The written objects that carry these labels."""
        found = [item for item in self._all(kind.name) if item["apiVersion"] == kind.api_version]
        return [
            item
            for item in found
            if (not namespace or item["metadata"].get("namespace") == namespace)
            and labels.items() <= (item["metadata"].get("labels") or {}).items()
        ]

    def apply(self, kind: Kind, wanted: Object, manager: str, *, dry_run: bool = False, force: bool = False) -> Object:
        """The object, checked, and written in place of an older one."""
        del manager, force
        self._check(kind, wanted)
        if not dry_run:
            metadata = wanted["metadata"]
            self._write(self._path(kind, metadata.get("namespace", ""), metadata["name"]), wanted)
        return wanted

    def create(self, kind: Kind, wanted: Object, manager: str, *, dry_run: bool = False) -> Object:
        """Refused: only a server chooses names."""
        raise ClusterError(
            422,
            "Invalid",
            "metadata.generateName: only an API server chooses names; give one",
            (Cause("metadata.generateName", "needs an API server"),),
        )

    def delete(self, kind: Kind, namespace: str, name: str, propagation: str, patience: float) -> None:
        """Delete the file, if there is one."""
        self._path(kind, namespace, name).unlink(missing_ok=True)

    def await_kind(self, api_version: str, kind: str, patience: float) -> Kind:
        """The kind: it is there as soon as its definition is."""
        found = self.kind(api_version, kind)
        assert found is not None
        return found

    def _check(self, kind: Kind, wanted: Object) -> None:
        definition = self._definition(kind.api_version, kind.name)
        faults = schemas.faults(wanted, definition)
        if faults is None:
            self._warn(f"{kind.api_version} {kind.name}: no schema is at hand, so its objects aren't checked")
        if faults:
            told = "; ".join(f"{cause.field}: {cause.message}" for cause in faults)
            raise ClusterError(
                422, "Invalid", f"{kind.name} {wanted['metadata'].get('name')!r} is invalid: {told}", faults
            )

    def _definition(self, api_version: str, kind: str) -> Object | None:
        group = api_version.rpartition("/")[0]
        for definition in self._all(_DEFINITION):
            spec = definition["spec"]
            if (spec["group"], spec["names"]["kind"]) == (group, kind):
                return definition
        return None

    def _all(self, kind: str) -> Iterator[Object]:
        folder = self._folder / (DEFINITIONS if kind == _DEFINITION else OBJECTS)
        for path in sorted(folder.glob(f"*-{kind.lower()}-*.yaml")):
            found = self._read(path)
            if found is not None and found["kind"] == kind:
                yield found

    def _path(self, kind: Kind, namespace: str, name: str) -> Path:
        folder = DEFINITIONS if kind.name == _DEFINITION else OBJECTS
        parts = [kind.api_version.replace("/", "_"), kind.name.lower(), namespace, name]
        return self._folder / folder / ("-".join(part for part in parts if part) + ".yaml")

    def _read(self, path: Path) -> Object | None:
        """What a file holds, parsed once: definitions are long, and asked for at each object."""
        try:
            written = path.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        known = self._seen.get(path)
        if known is None or known[0] != written:
            known = (written, yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader))
            self._seen[path] = known
        return known[1]

    def _write(self, path: Path, value: Object) -> None:
        """Only for this user, since Secrets are written in plain text; replaced at once."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            yaml.dump(value, file, yaml.CSafeDumper)
        self._seen[path] = (draft.stat().st_mtime_ns, value)
        draft.replace(path)
