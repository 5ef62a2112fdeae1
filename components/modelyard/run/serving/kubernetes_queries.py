"""Questions to Prometheus about an endpoint, and how what pods say gets there.

One place for scaling, canaries, alarms and pages, so that nobody spells a series twice. Series are told apart by the
labels of pods, which the PodMonitor copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import pulumi

from modelyard.core.component import Component
from modelyard.core.kubernetes import custom, label_value
from modelyard.run.serving.kubernetes_pods import ENDPOINT, PORT_NAME, TRACK, VERSION, chosen
from modelyard.run.serving.kubernetes_spec import MeasuredSpec

REVISION: Final = "rollouts-pod-template-hash"
"""The label by which Argo Rollouts tells pods of two revisions apart."""
SERIES: Final = "monitoring.coreos.com/v1"
_EVERY: Final = "15s"
_WINDOW: Final = "5m"


def _metric_label(label: str) -> str:
    """What Prometheus calls a label of Kubernetes."""
    return "".join(letter if letter.isalnum() else "_" for letter in label)


@dataclass(frozen=True, slots=True)
class Questions:
    """PromQL about the pods of one endpoint: all of them, those of a track, or those of a revision."""

    namespace: str
    endpoint: str
    measured: MeasuredSpec
    track: str = ""
    revision: str = ""

    def of_track(self, track: str) -> Questions:
        """The same about one track."""
        return replace(self, track=track)

    @property
    def space(self) -> str:
        """The namespace, as a selector."""
        return f'namespace="{self.namespace}"'

    def scraped(self) -> str:
        """1 for each pod that tells its figures, 0 for each that doesn't."""
        return f"up{{{self._pods}}}"

    def pods_by_version(self) -> str:
        """How many pods tell their figures, of each version."""
        return f"sum by ({_metric_label(VERSION)}) ({self.scraped()})"

    @property
    def _pods(self) -> str:
        said = {"namespace": self.namespace, _metric_label(ENDPOINT): label_value(self.endpoint)}
        if self.track:
            said[_metric_label(TRACK)] = self.track
        if self.revision:
            said[_metric_label(REVISION)] = self.revision
        return ",".join(f'{name}="{value}"' for name, value in said.items())

    def calls(self, window: str = _WINDOW) -> str:
        """Calls a second."""
        return f"sum(rate({self.measured.requests}{{{self._pods}}}[{window}]))"

    def error_percent(self, window: str = _WINDOW) -> str:
        """Percent of the calls that fail on the server's side; no number while there are none."""
        failed = f"sum(rate({self.measured.requests}{{{self._pods},{self.measured.failed}}}[{window}]))"
        return f"100 * ({failed} or vector(0)) / ({self.calls(window)} > 0)"

    def latency_ms(self, window: str = _WINDOW, quantile: float = 0.99) -> str:
        """Milliseconds within which so many of the calls are answered."""
        buckets = f"sum by (le) (rate({self.measured.seconds}_bucket{{{self._pods}}}[{window}]))"
        return f"1000 * histogram_quantile({quantile:g}, {buckets})"

    def in_progress(self) -> str:
        """Calls that are being answered."""
        return f"sum({self.measured.in_progress}{{{self._pods}}})"


def pod_monitor(
    owner: Component, measured: MeasuredSpec, *, namespace: pulumi.Input[str], after: Sequence[pulumi.Resource] = ()
) -> None:
    """Lets Prometheus ask each pod of the endpoint, and keep which track, version and revision it is of."""
    custom(
        owner,
        "metrics",
        api_version=SERIES,
        kind="PodMonitor",
        name=owner.physical("kubernetes", "metrics"),
        namespace=namespace,
        spec={
            "selector": {"matchLabels": chosen(owner)},
            "podTargetLabels": [ENDPOINT, TRACK, VERSION, REVISION],
            "podMetricsEndpoints": [{"port": PORT_NAME, "path": measured.path, "interval": _EVERY}],
        },
        after=after,
    )
