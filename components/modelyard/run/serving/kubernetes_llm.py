"""A language model on Kubernetes: vLLM in a Deployment, or an LLMInferenceService of KServe, with released weights.

Sources: docs.vllm.ai/en/latest/serving/openai_compatible_server; kserve.github.io/website/docs/model-serving,
"LLMInferenceService".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.core.kubernetes import custom
from modelyard.core.provenance import artifact_key
from modelyard.core.weights import LIST, WEIGHTS
from modelyard.run.serving.kubernetes_door import WHY_OPEN, door, parent, policies, service
from modelyard.run.serving.kubernetes_door_spec import Anybody
from modelyard.run.serving.kubernetes_llm_spec import (
    CALL_SECONDS,
    KubernetesLanguageModelSpec,
    LlmDoorSpec,
    VllmServed,
)
from modelyard.run.serving.kubernetes_pods import Server, chosen, marked, pod
from modelyard.run.serving.kubernetes_queries import pod_monitor
from modelyard.run.serving.kubernetes_release import when_released
from modelyard.run.serving.kubernetes_scaling import disruption_budget, scaled_object
from modelyard.run.serving.kubernetes_served import ServedByPods

MODELS_AT: Final = "/mnt/models"
PORT: Final = 8000
_API: Final = "serving.kserve.io/v1alpha2"
_POOL_GROUP: Final = "inference.networking.k8s.io"
_OFFLINE: Final = {"DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}


class KubernetesLanguageModel(ServedByPods[KubernetesLanguageModelSpec]):
    """Pods with GPUs that serve a released folder of weights, and what leads to them.

    Callers name the model as the component is called, below an address that clients of OpenAI's API take.
    """

    PATH = "/v1"

    def _serve(self) -> None:
        spec = self.spec
        pod_monitor(self, spec.measured, namespace=self.namespace, after=self._after)
        disruption_budget(self, namespace=self.namespace)
        service(self, "service", self.service, namespace=self.namespace, selects=chosen(self))
        ready = when_released(
            self,
            self._registry,
            self._account,
            model=spec.model,
            versions={spec.release.version: (spec.artifact, spec.release.source("version"))},
            after=self._after,
            weights=True,
        )
        if isinstance(spec.served_by, VllmServed):
            self._deployment(ready)
        else:
            self._inference_service(ready)

    def _folder(self) -> pulumi.Output[str]:
        """Where the version's files lie; their list is beside."""
        key = artifact_key(self.spec.model, self.spec.artifact).rpartition("/")[0]
        return pulumi.Output.concat("s3://", self._registry.bucket.bucket, f"/{key}/")

    def _pod(self, container: str) -> dict[str, Any]:
        spec = self.spec
        server = Server(
            container=container,
            image=spec.image,
            fetcher=spec.fetcher,
            source=pulumi.Output.concat(self._folder(), LIST),
            digest=spec.artifact,
            needs=spec.needs,
            port=PORT,
            ready="/health",
            start_seconds=spec.start_seconds,
            model_at=MODELS_AT,
            model_gib=spec.weights_gib,
            command=["vllm", "serve", MODELS_AT],
            arguments=self._arguments(),
            environment=_OFFLINE,
            shared_gib=spec.shared_memory_gib,
            drain_seconds=spec.door.timeout_seconds if spec.door else CALL_SECONDS,
        )
        return pod(server, self._account, selects=chosen(self), region=self.context.region, pools=self._pools)

    def _arguments(self) -> list[str]:
        spec = self.spec
        said = {"--served-model-name": self.component, "--port": PORT, "--tensor-parallel-size": spec.needs.gpus}
        if spec.context_tokens is not None:
            said["--max-model-len"] = spec.context_tokens
        trusted = ["--trust-remote-code"] if spec.trust_remote_code_because else []
        return [*(f"{name}={value}" for name, value in said.items()), *trusted, *spec.arguments]

    def _deployment(self, ready: pulumi.Output[Sequence[pulumi.Resource]]) -> None:
        spec, name = self.spec, self.physical("kubernetes-workload")
        wanted: dict[str, Any] = {
            "selector": {"matchLabels": chosen(self)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": spec.start_seconds + 600,
            "template": {
                "metadata": {"labels": marked(self, version=spec.release.version)},
                "spec": self._pod("server"),
            },
            **({} if spec.scaling else {"replicas": spec.pods}),
        }
        made = kubernetes.apps.v1.Deployment(
            self.named("deployment"),
            metadata={"name": name, "namespace": self.namespace},
            spec=cast("Any", wanted),
            opts=self.options(depends_on=ready),
        )
        if spec.scaling is not None:
            scaled_object(
                self,
                spec.scaling,
                self.questions(),
                prometheus=self._prometheus,
                target=("apps/v1", "Deployment", name),
                namespace=self.namespace,
                after=[made],
            )
        if spec.door is not None:
            weights = {self.service: 100}
            door(self, spec.door, namespace=self.namespace, weights=weights, theirs=False, after=self._after)

    def _inference_service(self, ready: pulumi.Output[Sequence[pulumi.Resource]]) -> None:
        spec, name = self.spec, self.physical("kubernetes-workload")
        assert spec.door is not None
        opened = spec.door.callers
        made = custom(
            self,
            "llm",
            api_version=_API,
            kind="LLMInferenceService",
            name=name,
            namespace=self.namespace,
            annotations={WHY_OPEN: opened.unsafe_because} if isinstance(opened, Anybody) else None,
            spec={
                "model": {"name": self.component, "uri": pulumi.Output.concat(self._folder(), WEIGHTS)},
                "storageInitializer": {"enabled": False},
                "replicas": spec.pods,
                "parallelism": {"tensor": spec.needs.gpus},
                "labels": marked(self, version=spec.release.version),
                "template": self._pod("main"),
                "router": {
                    "route": {"http": {"spec": _route(spec.door, f"{name}-inference-pool")}},
                    "scheduler": {},
                },
            },
            after=ready,
        )
        policies(self, spec.door, route=f"{name}-kserve-route", namespace=self.namespace, after=[made])


def _route(spec: LlmDoorSpec, pool: str) -> dict[str, Any]:
    """The route that KServe writes: to the pool whose scheduler chooses a pod."""
    backend = {"group": _POOL_GROUP, "kind": "InferencePool", "name": pool, "port": PORT, "weight": 1}
    return {
        "parentRefs": [parent(spec)],
        "hostnames": [spec.host],
        "rules": [
            {
                "matches": [{"path": {"type": "Exact", "value": path}} for path in spec.paths],
                "backendRefs": [backend],
                "timeouts": {"request": f"{spec.timeout_seconds}s"},
            }
        ],
    }
