"""What is known of a chart without having it: which definitions it brings, and what it takes for values."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from modelyard.foundation.cluster.charts import Chart, row
from modelyard_sandbox.kubernetes import crds
from modelyard_sandbox.kubernetes.provider.cluster import Object

_SCHEMA: Final = "values.schema.json"


@dataclass(frozen=True, slots=True)
class Known:
    """A chart that a release asks for.

    `definitions`: the key of those that it brings; empty: none. `in_folder`: they lie in Helm's `crds/`. `unverified`:
    nobody has checked its values. `unknown`: what the user should be told about it.
    """

    name: str
    version: str
    definitions: str = ""
    in_folder: bool = False
    unverified: bool = True
    unknown: tuple[str, ...] = ()

    def manifests(self) -> list[Object]:
        """The definitions, fetched where they aren't here yet. Raises `EmulatorError` where they can't be had."""
        crds.fetch([self.definitions])
        return crds.manifests(self.definitions)


def known(inputs: Mapping[str, Any]) -> Known:
    """What is known of the chart of a release."""
    said = str(inputs["chart"])
    name = PurePosixPath(said.rpartition("://")[2]).name
    chart = row(name, str(inputs.get("name")))
    version = str(inputs.get("version") or (chart.version if chart else "unknown"))
    unverified = _schema(said) is None
    if chart is None:
        told = f"the sandbox doesn't know the chart {name}: it is recorded, and what it would bring isn't there"
        return Known(name, version, unverified=unverified, unknown=(told,))
    if chart.definitions not in ("templates", "folder") or _off(chart, inputs.get("values") or {}):
        return Known(name, version, unverified=unverified)
    key = next((key for key, origin in crds.table().items() if f"{origin.module}@" in chart.module), "")
    told = () if key else (f"the sandbox hasn't the definitions of the chart {name}: its kinds won't be there",)
    return Known(name, version, key, chart.definitions == "folder", unverified, told)


def refused_values(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the chart's own schema refuses about the values: paths and reasons; nothing where it isn't at hand."""
    schema = _schema(str(inputs.get("chart") or ""))
    if schema is None:
        return
    from jsonschema.validators import validator_for

    validator = validator_for(schema)(schema)
    for error in validator.iter_errors(inputs.get("values") or {}):
        yield ".".join(["values", *map(str, error.absolute_path)]), error.message


def _off(chart: Chart, values: Mapping[str, Any]) -> bool:
    """Whether the values tell the chart to bring no definitions."""
    for path, value in (chart.off or {}).items():
        found: Any = values
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if found == value:
            return True
    return False


def _schema(chart: str) -> dict[str, Any] | None:
    """The schema of a chart that lies on this machine, as a folder or packed."""
    path = Path(chart)
    if (path / _SCHEMA).is_file():
        return json.loads((path / _SCHEMA).read_text())
    if path.suffix == ".tgz" and path.is_file():
        with tarfile.open(path) as packed:
            for member in packed.getmembers():
                if member.name.count("/") == 1 and member.name.endswith(f"/{_SCHEMA}"):
                    found = packed.extractfile(member)
                    return json.loads(found.read()) if found else None
    return None
