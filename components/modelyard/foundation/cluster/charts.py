"""Charts of Helm that the platform puts into a cluster: one table of where they lie, what they bring and what they fit.

The table is `charts.toml`; docs/charts.md shows it.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final, Literal, cast, get_args

from pydantic import Field, StringConstraints

from modelyard.core.errors import MISSING, Fault
from modelyard.core.spec import Spec
from modelyard.foundation.cluster.versions import numbers

ChartName = Literal[
    "karpenter",
    "karpenter-crd",
    "kueue",
    "nvidia-device-plugin",
    "gpu-operator",
    "dcgm-exporter",
    "efa-device-plugin",
    "external-secrets",
    "kuberay",
    "jobset",
    "trainer",
    "lws",
    "cert-manager",
    "kube-prometheus-stack",
    "keda",
    "argo-workflows",
    "argo-rollouts",
    "kserve-crd",
    "kserve",
    "gateway-api",
    "envoy-gateway-crd",
    "envoy-gateway",
]
ChartVersion = Annotated[str, StringConstraints(pattern=r"^v?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.-]+)?$")]
Registry = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9][a-z0-9._-]*)*$", max_length=255)
]
PROMETHEUS: Final = "kube-prometheus-stack"
EXPORTER: Final = "dcgm-exporter"
CHARTS_BELOW: Final = "charts"
"""Where a mirror keeps charts; images keep the path that they have at home."""
_REGISTRY: Final = "registry"
"""How values end that take the registry alone."""
_WITH_TAG: Final = "Image"
"""How values end that take the tag, too."""


@dataclass(frozen=True, slots=True)
class Support:
    """The versions of Kubernetes that a version of a chart is said to work with; `None`: nothing is said."""

    oldest: str | None = None
    newest: str | None = None

    def misfit(self, kubernetes: str) -> str:
        """Why it doesn't work with this version, or nothing."""
        if self.oldest is not None and numbers(kubernetes) < numbers(self.oldest):
            return f"needs Kubernetes {self.oldest} or newer"
        if self.newest is not None and numbers(kubernetes) > numbers(self.newest):
            return f"isn't said to work with Kubernetes newer than {self.newest}"
        return ""


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: where it lies, which versions of it are taken, what it brings and starts."""

    name: ChartName
    repository: str
    """`oci://…` or `https://…`, without the chart's own name."""
    chart: str
    version: str
    """Unless the file says another."""
    versions: Mapping[str, Support]
    namespace: str
    source: str
    read_on: date
    definitions: str = ""
    """How its CustomResourceDefinitions come: `templates`, `folder`, the name of another chart, or nothing."""
    off: Mapping[str, Any] | None = None
    """The values, by path, with which it brings no definitions. `None`: it can't be told to."""
    module: str = ""
    """The Go module, with its version, that publishes the same definitions."""
    folder: str = ""
    """Where in the module they lie."""
    needs: tuple[ChartName, ...] = ()
    values: Mapping[str, Any] | None = None
    """What we always say, by path."""
    images: Mapping[str, str] | None = None
    """The images that it starts, by the value that names each. `None`: not all are known."""
    beside: tuple[str, ...] = ()
    """Images that stand in our own `values`."""
    ports: tuple[int, ...] = ()
    """Where its pods are called from other namespaces, beyond their webhooks."""
    unverified: str = ""
    """What of all this wasn't seen in its source."""

    @property
    def definitions_chart(self) -> ChartName | None:
        """The chart that brings its definitions, if that is another one."""
        return next((name for name in CHARTS if name == self.definitions), None)

    @property
    def before(self) -> list[ChartName]:
        """The charts that come before it."""
        return [*self.needs, *([self.definitions_chart] if self.definitions_chart else [])]

    def images_of(self, version: str) -> list[str]:
        """What it starts in this version, sorted, with tags where we know them.

        Raises `ValueError` where not all are known.
        """
        if self.images is None:
            raise ValueError(self.name)
        named = {image.format(version=version.removeprefix("v")) for image in self.images.values()}
        return sorted({*named, *self.beside})

    def said(self, registry: str | None) -> dict[str, Any]:
        """What we always say, as the chart takes it; `registry`: where our own images come from instead."""
        values = nested(self.values or {})
        for image in self.beside if registry is not None else ():
            values = _instead(values, image, f"{registry}/{image.partition('/')[2]}")
        return values

    def mirrored(self, registry: str) -> dict[str, str]:
        """The values, by path, that take its images from `registry` instead."""
        found: dict[str, str] = {}
        for path, image in (self.images or {}).items():
            below = image.partition("/")[2]
            kept = below if path.endswith(_WITH_TAG) else below.partition(":")[0]
            found[path] = registry if path.endswith(_REGISTRY) else f"{registry}/{kept}"
        return found


CHARTS: Final[tuple[ChartName, ...]] = get_args(ChartName)


@cache
def table() -> Mapping[ChartName, Chart]:
    """All charts that the platform knows, by name."""
    text = files("modelyard.foundation.cluster").joinpath("charts.toml").read_text(encoding="utf-8")
    return {name: _chart(name, row) for name, row in tomllib.loads(text).items()}  # pyright: ignore[reportReturnType]


def _chart(name: Any, row: Mapping[str, Any]) -> Chart:
    versions = {version: Support(**known) for version, known in row["versions"].items()}
    listed = {field: tuple(row.get(field, ())) for field in ("needs", "beside", "ports")}
    return Chart(name, **{**row, "versions": versions, **listed})


def row(chart: str, release: str) -> Chart | None:
    """What the table has of a chart by its own name; `release` decides where it is there twice."""
    rows = [each for each in table().values() if each.chart == chart]
    return next((each for each in rows if each.name == release), rows[0] if rows else None)


def with_needed(wanted: Iterable[ChartName]) -> list[ChartName]:
    """`wanted` and what they need, each after what it needs."""
    found: dict[ChartName, None] = {}
    for name in wanted:
        found.update(dict.fromkeys(with_needed(table()[name].before)))
        found[name] = None
    return list(found)


def held_apart() -> dict[str, Any]:
    """What the Prometheus of the operator is told, so that rules and monitors of a team speak of its namespace alone.

    Those of charts are the cluster's own, and speak of all. Source: prometheus-operator.dev/docs/api-reference/api
    (PrometheusSpec, `enforcedNamespaceLabel`).
    """
    own = [
        {"group": "monitoring.coreos.com", "resource": resource, "namespace": namespace}
        for namespace in sorted({chart.namespace for chart in table().values()})
        for resource in ("podmonitors", "probes", "prometheusrules", "servicemonitors")
    ]
    return {"enforcedNamespaceLabel": "namespace", "excludedFromEnforcement": own}


class ChartsSpec(Spec):
    """Where charts and their images come from, and in which versions."""

    registry: Registry | None = Field(
        default=None,
        description=(
            "A registry of yours that has the images, and the charts below `charts/`: host and path, without oci://. "
            "Absent: everything comes from where it is published."
        ),
    )
    air_gapped: bool = Field(
        default=False,
        description="Whether nothing may come from elsewhere; a chart that can't be told so is refused.",
    )
    install: tuple[ChartName, ...] = Field(
        default=(),
        description="Charts beyond those that the platform needs itself: what the work of teams runs by.",
    )
    versions: dict[ChartName, ChartVersion] = Field(
        default_factory=dict[ChartName, ChartVersion],
        description="Versions of charts, where they shall be others than the table's.",
    )

    def check(self) -> Iterator[Fault]:
        """Versions outside the table, and a network without a way out that has no mirror."""
        if self.air_gapped and self.registry is None:
            yield self.fault("air_gapped", "needs a mirror", 'Say which under "registry".', True)
        for name, version in self.versions.items():
            known = table()[name].versions
            if version in known:
                continue
            close = difflib.get_close_matches(version, known, n=1)
            remedy = f"Use {close[0] if close else ' or '.join(known)}, or remove the line."
            problem = f"isn't in the table of charts, which has {', '.join(known)}"
            yield self.fault(f"versions.{name}", problem, remedy, version)

    def version(self, name: ChartName) -> str:
        """The version in which a chart is installed; definitions follow what they are of."""
        of = [self.versions[each] for each in self.versions if table()[each].definitions_chart == name]
        return self.versions.get(name, of[0] if of else table()[name].version)

    def unfit(self, kubernetes: str, wanted: Iterable[ChartName]) -> Iterator[Fault]:
        """Faults of charts that are to go into a cluster of this version of Kubernetes."""
        for name in with_needed(wanted):
            chart, version = table()[name], self.version(name)
            problem = chart.versions.get(version, Support()).misfit(kubernetes)
            if problem:
                others = [each for each, known in chart.versions.items() if not known.misfit(kubernetes)]
                remedy = f"Use {' or '.join(others)}." if others else "Use another version of Kubernetes."
                yield self._of(name, f"{problem}; the cluster runs {kubernetes}", remedy)
            if self.air_gapped and chart.images is None:
                problem = f"installs {name}, whose images can't be told to come from a mirror"
                yield self.fault("air_gapped", problem, f"Leave out what needs {name}.", True)

    def _of(self, name: ChartName, problem: str, remedy: str) -> Fault:
        said = self.versions.get(name, MISSING)
        path = f"versions.{name}" if name in self.versions else "versions"
        told = problem if name in self.versions else f"{name} {self.version(name)} {problem}"
        return self.fault(path, told, remedy, said)


def _instead(value: Any, old: str, new: str) -> Any:
    """`value` with another text wherever `old` stands alone."""
    if isinstance(value, Mapping):
        return {key: _instead(item, old, new) for key, item in cast(Mapping[str, Any], value).items()}
    if isinstance(value, list):
        return [_instead(item, old, new) for item in cast(list[Any], value)]
    return new if value == old else value


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by path (`a.b`) as a chart takes them."""
    found: dict[str, Any] = {}
    for path, value in values.items():
        *way, last = path.split(".")
        place = found
        for part in way:
            place = place.setdefault(part, {})
        place[last] = value
    return found


def merged(*values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a chart, the later ones winning, mappings merged."""
    found: dict[str, Any] = {}
    for each in values:
        for key, value in each.items():
            both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
            found[key] = merged(found[key], value) if both else value
    return found
