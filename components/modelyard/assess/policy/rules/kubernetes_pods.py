"""Rules on pods: whose identity they have, and how much they may use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit

from modelyard.assess.policy.examples import Part, part
from modelyard.assess.policy.pods import PODS, RUNTIMES, Container, Pod, each_pod
from modelyard.assess.policy.rule import Domain, Rule, Severity, Violation
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import NODE_CLASS

_KEYS: Final = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})
_STORE: Final = "AWS_ENDPOINT_URL_S3"
_AWS: Final = ("amazonaws.com", "amazonaws.com.cn")


def _not_aws(container: Container, index: int | None) -> bool:
    """Whether its keys are for a store that isn't AWS's, which gives pods no identity; they come from a Secret then."""
    where = "" if index is None else str(container.get(f"env[{index}].value", ""))
    return bool(where) and not (urlsplit(where).hostname or "").endswith(_AWS)


def _own_identity(subject: Subject) -> Iterator[Violation]:
    if subject.node.type == NODE_CLASS:
        yield from _nodes_keep_theirs(subject)
    else:
        yield from _PODS_HAVE_ONE(subject)


def _of_pod(pod: Pod) -> Iterator[Violation]:
    for container in pod.containers():
        at = {container.get(f"env[{index}].name", ""): index for index in range(len(container.get("env", [])))}
        elsewhere = _not_aws(container, at.get(_STORE))
        for name in (name for name in at if name in _KEYS):
            if not elsewhere or container.get(f"env[{at[name]}].valueFrom.secretKeyRef") is None:
                yield Violation(f"gives {container.name} keys that don't end, as {name}", f"{container.path}.env")
    account = pod.get("serviceAccountName", pod.get("serviceAccount", "default"))
    if account == "default" and pod.get("automountServiceAccountToken") is not False:
        yield Violation("runs as its namespace's default account, as all others there do", f"{pod.path}")


_PODS_HAVE_ONE: Final = each_pod(_of_pod)


def _nodes_keep_theirs(nodes: Subject) -> Iterator[Violation]:
    if nodes.get("spec.metadataOptions.httpPutResponseHopLimit", 1) > 1:
        problem = "lets pods take the node's own role"
        yield Violation(problem, "spec.metadataOptions.httpPutResponseHopLimit")
    if nodes.get("spec.metadataOptions.httpTokens", "required") != "required":
        yield Violation(
            "gives the node's role to whoever can make it send one request", "spec.metadataOptions.httpTokens"
        )


def _limited(pod: Pod) -> Iterator[Violation]:
    for container in pod.containers():
        limits = cast("Mapping[str, Any]", container.get("resources.limits", {}))
        requests = {**limits, **cast("Mapping[str, Any]", container.get("resources.requests", {}))}
        missing = [f"request of {name}" for name in ("cpu", "memory") if name not in requests]
        if "memory" not in limits:
            missing.append("limit of memory")
        if missing:
            yield Violation(f"has no {' and no '.join(missing)} for {container.name}", f"{container.path}.resources")


_WHOLE: Final = tuple(kind for kind in PODS if kind not in RUNTIMES)
_POD: Final = "kubernetes:core/v1:Pod"
_KSERVE: Final = "kubernetes:serving.kserve.io/v1beta1:InferenceService"
_AMOUNTS: Final = {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"memory": "8Gi"}}


def _pod(*, account: str = "", **container: Any) -> Part:
    spec: dict[str, Any] = {"containers": [{"name": "train", "image": "train", **container}]}
    return part(_POD, spec={**spec, "serviceAccountName": account} if account else spec)


def _served(**model: Any) -> Part:
    predictor = {"serviceAccountName": "scores", "model": {"modelFormat": {"name": "xgboost"}, **model}}
    return part(_KSERVE, "scores", spec={"predictor": predictor})


RULES: Final = (
    Rule(
        "workload-identity-required",
        Severity.HIGH,
        Domain.CLUSTER,
        "Each workload has an identity of its own",
        "With a shared identity each pod may do what any of them may; with the node's, what all pods there may; and "
        "keys in an environment never end.",
        "Give the pod a service account of its own, with a pod identity association, or take its token away; keep "
        "the hop limit of nodes at 1.",
        (NODE_CLASS, *_WHOLE),
        _own_identity,
        bad=(_pod(), _pod(account="train", env=[{"name": "AWS_ACCESS_KEY_ID", "value": "id"}])),
        good=(_pod(account="train", env=[{"name": "AWS_REGION", "value": "eu-west-1"}]), _served()),
        maps=("EKS 5.2.1",),
    ),
    Rule(
        "resource-limits",
        Severity.MEDIUM,
        Domain.CLUSTER,
        "Containers say what they need, and how much memory they may take",
        "Without requests the scheduler packs nodes until pods are thrown off; without a limit one leak takes the node "
        "with all that runs there.",
        "Give requests of CPU and memory, and a limit of memory. A limit of CPU only slows down, and isn't asked.",
        _WHOLE,
        each_pod(_limited),
        bad=(_pod(), _served()),
        good=(_pod(resources=_AMOUNTS), _served(resources=_AMOUNTS)),
        maps=("NIST SC-6",),
    ),
)
