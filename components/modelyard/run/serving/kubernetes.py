"""An inference endpoint on Kubernetes: an InferenceService of KServe, or a Rollout of Argo, behind one service.

Private unless the file spells out a door: a service of type ClusterIP, and no route.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pulumi

from modelyard.core.kubernetes import custom
from modelyard.core.provenance import artifact_key
from modelyard.run.serving import kubernetes_canary as canary
from modelyard.run.serving.kubernetes_door import door, service
from modelyard.run.serving.kubernetes_pods import (
    CANDIDATE,
    CHAMPION,
    Server,
    chosen,
    marked,
    pod,
)
from modelyard.run.serving.kubernetes_queries import pod_monitor
from modelyard.run.serving.kubernetes_release import when_released
from modelyard.run.serving.kubernetes_scaling import disruption_budget, kserve_scaling, scaled_object
from modelyard.run.serving.kubernetes_served import ServedByPods
from modelyard.run.serving.kubernetes_spec import KServeServed, KubernetesEndpointSpec, RolloutServed
from modelyard.run.serving.spec import DeclaredRelease

KSERVE: Final = "serving.kserve.io"
STANDARD: Final = {f"{KSERVE}/deploymentMode": "Standard"}
INSIDE: Final = {"networking.kserve.io/visibility": "cluster-local"}
"""KServe makes no way in of its own."""


_CALL_SECONDS: Final = 60
"""How long a call takes at most where no door says it, as on SageMaker."""


class KubernetesEndpoint(ServedByPods[KubernetesEndpointSpec]):
    """Pods that serve a released version, a service in the cluster, and, where the file says so, a route to it.

    In production every version that it names is seen released before anything changes.
    """

    @property
    def rollout_name(self) -> str:
        """The Rollout's name; empty where KServe keeps the pods."""
        return self.physical("kubernetes-workload") if isinstance(self.spec.served_by, RolloutServed) else ""

    @property
    def has_candidate(self) -> bool:
        """Whether a version is tried beside the release."""
        return isinstance(self.spec.served_by, KServeServed) and self.spec.served_by.candidate is not None

    def _serve(self) -> None:
        """Pods and all around them, when the grants of the identity are written and every version is seen released."""
        spec = self.spec
        pod_monitor(self, spec.measured, namespace=self.namespace, after=self._after)
        disruption_budget(self, namespace=self.namespace)
        ready = when_released(
            self,
            self._registry,
            self._account,
            model=spec.model,
            versions={version: (artifact, spec.source(path)) for version, (artifact, path) in spec.versions.items()},
            after=self._after,
        )
        if isinstance(spec.served_by, RolloutServed):
            self._rollout(spec.served_by, ready)
        else:
            self._kserve(spec.served_by, ready)

    def _pod(self, container: str, artifact: str) -> dict[str, Any]:
        spec = self.spec
        key = artifact_key(spec.model, artifact)
        server = Server(
            container=container,
            image=spec.image,
            fetcher=spec.fetched_by,
            source=pulumi.Output.concat("s3://", self._registry.bucket.bucket, f"/{key}"),
            digest=artifact,
            needs=spec.needs,
            port=spec.port,
            ready=spec.ready,
            start_seconds=spec.start_seconds,
            model_at=spec.model_at,
            model_gib=spec.model_gib,
            command=spec.command,
            environment=spec.environment,
            drain_seconds=spec.door.timeout_seconds if spec.door else _CALL_SECONDS,
        )
        return pod(server, self._account, selects=chosen(self), region=self.context.region, pools=self._pools)

    def _kserve(self, served: KServeServed, ready: pulumi.Output[Sequence[pulumi.Resource]]) -> None:
        spec, tried = self.spec, served.candidate
        assert isinstance(spec.release, DeclaredRelease)
        self._inference_service(CHAMPION, spec.release.version, spec.artifact, ready, scales=True)
        weights = {self._service(CHAMPION): 100}
        if tried is not None:
            self._inference_service(CANDIDATE, tried.version, tried.artifact, ready, pods=tried.pods)
            weights = {self.service: 100 - tried.percent, self._service(CANDIDATE): tried.percent}
        if spec.door is not None:
            door(self, spec.door, namespace=self.namespace, weights=weights, theirs=False, after=self._after)

    def _inference_service(
        self,
        track: str,
        version: int,
        artifact: str,
        ready: pulumi.Output[Sequence[pulumi.Resource]],
        *,
        pods: int = 0,
        scales: bool = False,
    ) -> None:
        scaling = self.spec.scaling if scales else None
        questions = self.questions(track=track)
        how_many = kserve_scaling(scaling, pods or self.spec.pods, questions, self._prometheus)
        custom(
            self,
            track,
            api_version=f"{KSERVE}/v1beta1",
            kind="InferenceService",
            name=self.physical("kubernetes-workload", "" if track == CHAMPION else track),
            namespace=self.namespace,
            labels=INSIDE,
            annotations={**STANDARD, f"{KSERVE}/autoscalerClass": "keda" if scaling else "none"},
            spec={
                "predictor": {
                    **self._pod("kserve-container", artifact),
                    **how_many,
                    "labels": marked(self, version=version, track=track),
                    "deploymentStrategy": {
                        "type": "RollingUpdate",
                        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
                    },
                }
            },
            after=ready,
        )

    def _rollout(self, served: RolloutServed, ready: pulumi.Output[Sequence[pulumi.Resource]]) -> None:
        spec = self.spec
        assert isinstance(spec.release, DeclaredRelease)
        name = self.physical("kubernetes-workload")
        judged_by = canary.analysis(
            self,
            served.rollout.rollback,
            self.questions(revision=canary.revision()),
            prometheus=self._prometheus,
            namespace=self.namespace,
            after=self._after,
        )
        stable = self._service(CHAMPION, any_track=True)
        services = (stable, self._service(CANDIDATE, any_track=True)) if spec.door is not None else None
        if spec.door is not None and services is not None:
            shares = {services[0]: 100, services[1]: 0}
            door(self, spec.door, namespace=self.namespace, weights=shares, theirs=True, after=self._after)
        template = {
            "metadata": {"labels": marked(self, version=spec.release.version)},
            "spec": self._pod("server", spec.artifact),
        }
        made = canary.rollout(
            self,
            served.rollout,
            name=name,
            namespace=self.namespace,
            template=template,
            selects=chosen(self),
            pods=None if spec.scaling else spec.pods,
            judged_by=judged_by,
            services=services,
            route=self.service,
            after=ready,
        )
        if spec.scaling is not None:
            scaled_object(
                self,
                spec.scaling,
                self.questions(),
                prometheus=self._prometheus,
                target=(canary.API, "Rollout", name),
                namespace=self.namespace,
                after=[made],
            )

    def _service(self, track: str, *, any_track: bool = False) -> str:
        """The service of a track, and its name; `any_track`: a controller narrows what it selects."""
        name = self.service if track == CHAMPION else self.physical("kubernetes", track)
        selects = chosen(self, None if any_track else track)
        return service(self, f"{track}-service", name, namespace=self.namespace, selects=selects, theirs=any_track)
