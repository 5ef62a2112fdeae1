"""The charts that a platform's stack installs, and what of them a registry of one's own must have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from modelyard.assess.graph.model import Graph
from modelyard.foundation.cluster.charts import CHARTS_BELOW, Chart, Support, row

RELEASE: Final = "kubernetes:helm.sh/v3:Release"
_OCI: Final = "oci://"
_BELOW: Final = f"/{CHARTS_BELOW}/"


@dataclass(frozen=True, slots=True)
class Installed:
    """One chart of the table that a stack installs, and where it comes from."""

    chart: Chart
    version: str
    registry: str
    """The registry of one's own that it comes from; empty: it comes from where it is published."""

    @property
    def images(self) -> list[str]:
        """The images that it starts; none where not all are known."""
        return self.chart.images_of(self.version) if self.chart.images is not None else []

    @property
    def support(self) -> Support:
        """The versions of Kubernetes that it is said to work with."""
        return self.chart.versions.get(self.version, Support())

    def copies(self) -> Iterator[tuple[str, str]]:
        """What to copy into the registry: from where, and to where."""
        if not self.registry:
            return
        if self.in_a_registry:
            home = f"{self.chart.repository.removeprefix(_OCI)}/{self.chart.chart}:{self.version}"
            yield home, f"{self.registry}/{CHARTS_BELOW}/{self.chart.chart}:{self.version}"
        for image in self.images:
            yield image, f"{self.registry}/{image.partition('/')[2]}"

    @property
    def in_a_registry(self) -> bool:
        """Whether it is published in a registry, and not as a file of a repository."""
        return self.chart.repository.startswith(_OCI)

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "name": self.chart.name,
            "chart": self.chart.chart,
            "version": self.version,
            "repository": self.chart.repository,
            "registry": self.registry or None,
            "kubernetes": {"oldest": self.support.oldest, "newest": self.support.newest},
            "namespace": self.chart.namespace,
            "definitions": self.chart.definitions or None,
            "images": self.images,
            "images_known": self.chart.images is not None,
        }


def installed(graph: Graph) -> list[Installed]:
    """The charts of our table that a stack installs, in the order of their names."""
    found: list[Installed] = []
    for node in graph.of_type(RELEASE):
        address = str(node.properties.get("chart", ""))
        place, _, name = address.rpartition("/")
        chart = row(name, str(node.properties.get("name")))
        if chart is None:
            continue
        ours = place and place != chart.repository
        registry = address.removeprefix(_OCI).partition(_BELOW)[0] if ours else ""
        found.append(Installed(chart, str(node.properties.get("version", "")), registry))
    return sorted(found, key=lambda each: each.chart.name)


def document(found: list[Installed]) -> dict[str, Any]:
    """All of them, what to copy into the registry of one's own, and what to pull from repositories and push there."""
    files = [each for each in found if each.registry and not each.in_a_registry]
    return {
        "charts": [each.as_json() for each in found],
        "copies": [{"from": home, "to": there} for each in found for home, there in each.copies()],
        "pulls": [
            {
                "repository": each.chart.repository,
                "chart": each.chart.chart,
                "version": each.version,
                "to": f"{_OCI}{each.registry}/{CHARTS_BELOW}",
            }
            for each in files
        ],
    }


def shown(found: list[Installed], environment: str) -> Iterator[str]:
    """The lines of `yard charts`, for people."""
    if not found:
        yield f"The platform installs no charts in {environment}. docs/charts.md lists those that it could."
        return
    width = max(len(each.chart.name) for each in found)
    for each in found:
        place = each.registry or each.chart.repository
        yield f"{each.chart.name:<{width}}  {each.version:<10} from {place}"
    copies = [pair for each in found for pair in each.copies()]
    files = [each for each in found if each.registry and not each.in_a_registry]
    if copies or files:
        yield ""
        yield f"Your registry needs {len(copies)} copies, and {len(files)} charts of repositories pushed to it:"
        yield from (f"  {home} -> {there}" for home, there in copies)
        yield from (
            f"  helm pull {each.chart.chart} --repo {each.chart.repository} --version {each.version}" for each in files
        )
        yield "The same for a program: yard charts --json."
