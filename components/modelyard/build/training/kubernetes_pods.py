"""The pods of training jobs: where they run, what they get, and that they may do nothing to their node.

Sources: kubernetes.io/docs/concepts/security/pod-security-standards (restricted),
karpenter.sh/docs/concepts/disruption, eks/latest/userguide/node-efa.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from modelyard.build.training.kubernetes_checks import MachinePool, Room, needs_of, room
from modelyard.build.training.kubernetes_spec import DATASETS, ClusterProgramSpec, KubernetesTraining
from modelyard.core.kubernetes import GPU, POOL

if TYPE_CHECKING:
    import pulumi

    from modelyard.build.training.spec import TrainingSpec

EFA: Final = "vpc.amazonaws.com/efa"
_CLOSEST: Final = "topology.k8s.aws/network-node-layer-3"
"""Machines behind one switch, as EC2 tells of them (eks/latest/userguide/ml-workload-topology)."""
_GRACE_SECONDS: Final = 110
"""How long a pod has to write a checkpoint when its machine goes: EC2 warns two minutes before it takes one back."""
_SHARE_OF_SHM: Final = 2


@dataclass(frozen=True, slots=True)
class JobPlaces:
    """Where jobs find what they need: values that may be known only after deployment.

    `output` and `checkpoints`: S3 URIs that end in a slash, or a volume's path; empty: none. `resources`: the parameter
    path of the identity that jobs run as. `claims`: the names of claims by volume. `datasets`: the same by dataset.
    `variables`: further ones of each container, as the API writes them.
    """

    namespace: pulumi.Input[str]
    service_account: pulumi.Input[str]
    region: str
    resources: pulumi.Input[str]
    output: pulumi.Input[str]
    checkpoints: pulumi.Input[str] = ""
    claims: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, "pulumi.Input[str]"])
    datasets: Mapping[str, str] = field(default_factory=dict[str, str])
    variables: Sequence[Mapping[str, Any]] = ()


def job_pod(
    name: str,
    spec: TrainingSpec,
    flavour: KubernetesTraining,
    program: ClusterProgramSpec,
    *,
    places: JobPlaces,
    pool: MachinePool,
    container: str = "node",
    command: list[str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The template of a pod on a machine of the pool, as the API writes it; `more`: fields of its container."""
    has = room(spec.instances())
    assert has is not None, "types that nobody knows are refused before"
    needs = needs_of(program, has, sliced=pool.sliced)
    placed = {
        "nodeSelector": {
            POOL: flavour.pool,
            **({"karpenter.sh/capacity-type": "spot"} if spec.spot is not None else {}),
        },
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": _of_types(spec, pool)}},
        "tolerations": [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}],
    }
    close = pool.limit.topology and program.nodes > 1
    annotations = {"kueue.x-k8s.io/podset-preferred-topology": _CLOSEST} if close else {}
    extra = {pool.limit.resource: needs.gpus} if needs.gpus else {}
    if spec.distributed.efa:
        extra[EFA] = min(instance.efa_interfaces for instance in spec.instances())
    return _pod(
        name,
        spec,
        flavour,
        program,
        places=places,
        container=container,
        command=command,
        needs=needs,
        extra=extra,
        placed=placed,
        annotations=annotations,
        more=more or {},
    )


def light_pod(
    name: str,
    spec: TrainingSpec,
    flavour: KubernetesTraining,
    program: ClusterProgramSpec,
    *,
    places: JobPlaces,
    needs: Room,
    container: str,
    command: list[str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The template of a pod that leads and computes nothing: on whatever machine has room, none with GPUs."""
    return _pod(
        name,
        spec,
        flavour,
        program,
        places=places,
        container=container,
        command=command,
        needs=needs,
        extra={},
        placed={},
        annotations={},
        more=more or {},
    )


def _of_types(spec: TrainingSpec, pool: MachinePool) -> dict[str, Any]:
    values = pool.labels(spec.instance_types)
    types = {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": values}
    return {"nodeSelectorTerms": [{"matchExpressions": [types]}]}


def _resources(needs: Room, extra: Mapping[str, int]) -> dict[str, Any]:
    """Requests, and limits of all but CPU, which would only slow it down."""
    asked = {"memory": f"{needs.memory_gib}Gi", **{key: str(count) for key, count in extra.items()}}
    return {"requests": {"cpu": str(needs.vcpus), **asked}, "limits": asked}


def _pod(
    name: str,
    spec: TrainingSpec,
    flavour: KubernetesTraining,
    program: ClusterProgramSpec,
    *,
    places: JobPlaces,
    container: str,
    command: list[str] | None,
    needs: Room,
    extra: Mapping[str, int],
    placed: Mapping[str, Any],
    annotations: Mapping[str, str],
    more: Mapping[str, Any],
) -> dict[str, Any]:
    shm_gib = max(needs.memory_gib // _SHARE_OF_SHM, 1)
    disks = {"tmp": ("/tmp", spec.volume_gib), "ml": ("/opt/ml", spec.volume_gib)}
    volumes: list[dict[str, Any]] = [
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{shm_gib}Gi"}},
        *({"name": disk, "emptyDir": {"sizeLimit": f"{gib}Gi"}} for disk, (_, gib) in disks.items()),
        *({"name": f"volume-{v}", "persistentVolumeClaim": {"claimName": c}} for v, c in places.claims.items()),
        *(_files(dataset, places.datasets[dataset]) for dataset in program.datasets),
    ]
    mounts = [
        {"name": "shm", "mountPath": "/dev/shm"},
        *({"name": disk, "mountPath": path} for disk, (path, _) in disks.items()),
        *({"name": f"volume-{v}", "mountPath": flavour.volumes[v].path} for v in places.claims),
        *({"name": f"dataset-{d}", "mountPath": f"{DATASETS}/{d}", "readOnly": True} for d in program.datasets),
    ]
    made: dict[str, Any] = {
        "name": container,
        "image": program.image,
        "env": _environment(name, spec, places),
        "resources": _resources(needs, extra),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": not program.writable_image,
        },
        "volumeMounts": mounts,
        **more,
    }
    if command is not None:
        made["command"] = command
    return {
        "metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "true", **annotations}},
        "spec": {
            "serviceAccountName": places.service_account,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": _GRACE_SECONDS,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": program.user,
                "runAsGroup": program.user,
                "fsGroup": program.user,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            **placed,
            "containers": [made],
            "volumes": volumes,
        },
    }


def _files(dataset: str, claim: str) -> dict[str, Any]:
    return {"name": f"dataset-{dataset}", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}


def _environment(name: str, spec: TrainingSpec, places: JobPlaces) -> list[dict[str, Any]]:
    variables: dict[str, Any] = {
        "AWS_DEFAULT_REGION": places.region,
        "AWS_REGION": places.region,
        "HOME": "/tmp",
        "MODELYARD_OUTPUT": places.output,
        "MODELYARD_PROGRAM": name,
        "MODELYARD_RESOURCES": places.resources,
    }
    volumes = spec.flavour.volumes if isinstance(spec.flavour, KubernetesTraining) else {}
    kept = next((volume.path for volume in volumes.values() if volume.checkpoints), None)
    if kept is not None or spec.checkpoints is not None:
        variables["MODELYARD_CHECKPOINTS"] = places.checkpoints if kept is None else f"{kept}/"
    if spec.distributed.efa:
        variables["FI_PROVIDER"] = "efa"
    return [*({"name": key, "value": variables[key]} for key in sorted(variables)), *map(dict, places.variables)]
