"""A team's models on the platform's cluster: what they need there, what serves them, and what watches them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pulumi

from modelyard.blueprints.flavours import only
from modelyard.blueprints.granting import Made
from modelyard.blueprints.spec import TeamSpec
from modelyard.core.context import Context
from modelyard.core.errors import Fault
from modelyard.foundation.cluster import NAMESPACE_OF_GATEWAYS, PoolLimit
from modelyard.foundation.tenancy import SERVING_PORTS, ServiceAccountRole
from modelyard.run.monitoring import KubernetesMonitors, KubernetesMonitorsSpec
from modelyard.run.serving import (
    KubernetesEndpoint,
    KubernetesEndpointSpec,
    KubernetesLanguageModel,
    KubernetesLanguageModelSpec,
)

_SERVED_BY = {"kserve": "kserve", "rollout": "argo-rollouts"}


@dataclass(frozen=True, slots=True)
class Need:
    """What the value at `path` needs of the cluster: one of `charts`; `says`: how it uses that."""

    path: str
    says: str
    charts: tuple[str, ...]
    value: object


def served(spec: TeamSpec) -> Iterator[tuple[str, KubernetesEndpointSpec | KubernetesLanguageModelSpec]]:
    """What the team serves on the cluster, by where its file says so."""
    for name, endpoint in only(KubernetesEndpointSpec, spec.serving).items():
        yield f"serving.{name}", endpoint
    for name, model in only(KubernetesLanguageModelSpec, spec.language_models).items():
        yield f"language_models.{name}", model


def needs(spec: TeamSpec) -> Iterator[Need]:
    """Charts that the team's models, and what watches them, can't do without."""
    for path, endpoint in served(spec):
        yield Need(f"{path}.flavour", "is measured", ("kube-prometheus-stack",), endpoint.flavour)
        kind = endpoint.served_by.kind
        if kind in _SERVED_BY:
            yield Need(f"{path}.served_by.kind", "runs", (_SERVED_BY[kind],), kind)
        if endpoint.scaling is not None:
            where = "served_by.scaling" if isinstance(endpoint, KubernetesLanguageModelSpec) else "scaling"
            yield Need(f"{path}.{where}", "is done", ("keda",), endpoint.scaling.most)
        if endpoint.door is not None:
            yield Need(f"{path}.door", "is kept", ("envoy-gateway",), endpoint.door.host)
    for name, watched in only(KubernetesMonitorsSpec, spec.monitoring).items():
        if watched.gpu is not None:
            yield Need(f"monitoring.{name}.gpu", "is measured", ("dcgm-exporter", "gpu-operator"), watched.gpu.percent)


def misplaced(spec: TeamSpec, kind: str, pools: Mapping[str, PoolLimit]) -> Iterator[Fault]:
    """What doesn't work on a cluster of this kind with these GPUs, or for this team."""
    for path, endpoint in served(spec):
        if kind != "eks":
            problem = "gives its pods roles of AWS, and only a cluster of EKS can"
            remedy = "Serve by SageMaker, or compose KubernetesEndpoint in Python with an account of your own."
            yield spec.fault(f"{path}.flavour", problem, remedy, endpoint.flavour)
        if endpoint.served_by.kind == "llm_inference_service":
            problem = "needs KServe's controller of language models and the Gateway API's inference extension, which "
            problem += "the platform doesn't install"
            remedy = 'Use kind "vllm", or compose KubernetesLanguageModel in Python.'
            yield spec.fault(f"{path}.served_by.kind", problem, remedy, endpoint.served_by.kind)
        if isinstance(endpoint, KubernetesEndpointSpec) and endpoint.port not in SERVING_PORTS:
            problem = "is shut to whoever measures pods and to the gateway, by the namespace's policies"
            remedy = f"Answer at {' or '.join(map(str, SERVING_PORTS))}."
            yield spec.fault(f"{path}.port", problem, remedy, endpoint.port)
        yield from _beyond_quota(spec, path, endpoint, pools)


def outside(spec: TeamSpec, gateways: Mapping[str, str]) -> Iterator[Fault]:
    """Doors at gateways that the platform hasn't, or at hosts that lead to another team; `gateways`: domain by name."""
    for path, endpoint in served(spec):
        door = endpoint.door
        if door is None or door.gateway.namespace != NAMESPACE_OF_GATEWAYS or not gateways:
            continue
        if door.gateway.name not in gateways:
            problem = f"is no gateway of the platform's; it has: {', '.join(gateways)}"
            yield spec.fault(f"{path}.door.gateway.name", problem, "Name one of them.", door.gateway.name)
        elif not door.host.endswith(f".{spec.team}.{gateways[door.gateway.name]}"):
            problem = "isn't in the team's part of the gateway's domain, and no call to it comes here"
            remedy = f"Choose one below {spec.team}.{gateways[door.gateway.name]}."
            yield spec.fault(f"{path}.door.host", problem, remedy, door.host)


def _beyond_quota(
    spec: TeamSpec,
    path: str,
    endpoint: KubernetesEndpointSpec | KubernetesLanguageModelSpec,
    pools: Mapping[str, PoolLimit],
) -> Iterator[Fault]:
    """Pods that never start, since the team may not use so many GPUs of their pool."""
    pool, gpus = endpoint.needs.pool, endpoint.needs.gpus
    if spec.quota is None or pool is None or pool not in pools:
        return
    limit = pools[pool]
    most = spec.quota.gpus_at_most({pool: limit})[limit.resource]
    if gpus * endpoint.most > most:
        problem = f"times {endpoint.most} pods is more than the {most} that the team may use of {pool}"
        remedy = 'Ask for fewer, or raise "quota" in the header of the file.'
        yield spec.fault(f"{path}.needs.gpus", problem, remedy, gpus)


def serve(
    spec: TeamSpec,
    made: Made,
    *,
    context: Context,
    cluster: str,
    pools: Mapping[str, PoolLimit],
    opts: pulumi.ResourceOptions,
) -> None:
    """Make all that the team serves on the cluster, each under an account of its own, and what watches it.

    `cluster`: its name on EKS. `opts` lead into the cluster, and into the team's account.
    """
    if made.registry is None:
        return
    said, addresses = only(KubernetesMonitorsSpec, spec.monitoring), dict[str, str]()
    for path, wanted in served(spec):
        name = path.rpartition(".")[2]
        account = ServiceAccountRole(
            f"{name}-server",
            context=context,
            cluster=cluster,
            description=f"Serves {name} of {spec.team} on Kubernetes",
            opts=opts,
            written=spec.source(path),
        )
        if isinstance(wanted, KubernetesEndpointSpec):
            endpoint = KubernetesEndpoint(
                name, wanted, context=context, registry=made.registry, identity=account, pools=pools, opts=opts
            )
        else:
            endpoint = KubernetesLanguageModel(
                name, wanted, context=context, registry=made.registry, identity=account, pools=pools, opts=opts
            )
        watched = said.get(name) or KubernetesMonitorsSpec(owner=wanted.owner)
        KubernetesMonitors(f"{name}-monitors", watched, context=context, endpoint=endpoint, opts=opts)
        addresses[name] = endpoint.address
    if addresses:
        pulumi.export("cluster_endpoints", addresses)
