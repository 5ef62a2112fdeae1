"""What a team's file says about watching an endpoint on Kubernetes: what is bad, who hears of it, and what they do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelyard.core.errors import Fault
from modelyard.core.spec import Email, Spec
from modelyard.run.monitoring.kinds import ErrorsMonitor, LatencyMonitor, LoadMonitor
from modelyard.run.monitoring.watch_spec import RUNBOOK, Runbook

if TYPE_CHECKING:
    from modelyard.run.monitoring.kubernetes import Watched


class KubernetesMonitorsSpec(Spec):
    """The alerts and the page of one endpoint on Kubernetes."""

    flavour: Literal["kubernetes"] = Field(
        default="kubernetes", description="What is watched is on the platform's cluster. A file need not say it."
    )
    owner: Email = Field(description="Who hears of the alerts.")
    runbook: Runbook | None = Field(
        default=None, description="What to do when an alert goes off. Absent: Modelyard's page on monitoring."
    )
    latency: LatencyMonitor | None = Field(
        default=None, description="How long answers take. Absent: only the team knows what is slow."
    )
    errors: ErrorsMonitor | None = Field(
        default_factory=ErrorsMonitor, description="How many calls fail. `null`: nobody is told."
    )
    cpu: LoadMonitor | None = Field(
        default=None, description="How busy the processors are that pods asked for. Absent: scaling looks at load."
    )
    memory: LoadMonitor | None = Field(
        default_factory=LoadMonitor,
        description="How full the memory is beyond which pods are ended. Absent: nine tenths for half an hour.",
    )
    gpu: LoadMonitor | None = Field(default=None, description="How busy GPUs are, as DCGM tells. Absent: not watched.")
    page: bool = Field(default=True, description="Whether Grafana gets a page of the endpoint.")

    def runbook_of(self, field: str) -> str:
        """The runbook of an alert, by its monitor's field where it has one."""
        own = getattr(getattr(self, field, None), "runbook", None)
        return own or self.runbook or RUNBOOK

    def unfit_for(self, endpoint: Watched) -> Iterator[Fault]:
        """GPUs of an endpoint that has none."""
        if self.gpu is not None and not endpoint.spec.needs.gpus:
            yield self.fault("gpu", "is watched of an endpoint whose pods have none", "Remove it.")
