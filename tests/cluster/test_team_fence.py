"""A team's fence on a real API server: a member gets what its Role says, and two others are refused each time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from kubernetes.client import (
    ApiClient,
    AuthorizationV1Api,
    BatchV1Api,
    CoreV1Api,
    CustomObjectsApi,
)
from tests.cluster.refusing import refusal
from tests.cluster.waiting import until
from tests.fenced import acting, fenced, filed, idling, shared

from modelyard.assess.graph import Graph
from modelyard.build.pipelines import CONTROLLER
from modelyard.core.kubernetes import TOKEN
from modelyard.foundation.tenancy.kubernetes_roles import RULES
from modelyard_sandbox.kubernetes import client
from modelyard_sandbox.kubernetes.server import Cluster

HERE, THERE = "ml-fenced-fraud", "ml-fenced-churn"
FIRST = ("Namespace", "Topology", "ResourceFlavor", "Cohort", "ClusterQueue")
QUEUED = {"kueue.x-k8s.io/queue-name": "default"}
UNSERVED = {
    ("inference.networking.k8s.io", "inferencepools"),
    ("inference.networking.x-k8s.io", "inferenceobjectives"),
    ("kubeflow.org", "mpijobs"),
}
"""Kinds whose definitions aren't among those that the sandbox fetches."""
SAFE = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def api_of(cluster: Cluster, *, group: str = "", user: str = "somebody") -> ApiClient:
    """The administrator, or somebody who is in this group alone."""
    api = client.connected(cluster.kubeconfig)
    if group:
        api.set_default_header("Impersonate-User", user)
        api.set_default_header("Impersonate-Group", group)
    return api


def member(name: str, namespace: str = HERE) -> str:
    return f"modelyard:{namespace}:{name}"


@pytest.fixture(scope="module")
def api(api_server_with_crds: Cluster) -> ApiClient:
    return api_of(api_server_with_crds)


@pytest.fixture(scope="module")
def team(api_server_with_crds: Cluster, api: ApiClient) -> Iterator[Cluster]:
    """A cluster that two teams share; everything of theirs was put there, strictly."""
    core: Any = CoreV1Api(api)
    core.create_namespace({"metadata": {"name": THERE}})
    monitoring = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}}
    client.apply(api, "/api/v1/namespaces/monitoring", monitoring, "test")
    plurals: dict[tuple[str, str], dict[str, Any]] = {}
    for graph in (fenced(), acting(), shared(), idling(), filed()):
        for wanted in objects(graph):
            client.apply(api, path_of(api, wanted, plurals), wanted, "test")
    until(core.list_namespaced_resource_quota, lambda quota: quota.status.used is not None, HERE)
    yield api_server_with_crds
    for namespace in (HERE, THERE):
        core.delete_namespace(namespace)


def objects(graph: Graph) -> list[dict[str, Any]]:
    """What a stack puts into the cluster, in the order in which it comes, as if its environment were another."""
    recorded = [dict(node.properties) for node in graph.nodes if node.type.startswith(TOKEN)]
    found: list[dict[str, Any]] = json.loads(json.dumps(recorded).replace("ml-dev-", "ml-fenced-"))
    return sorted(found, key=lambda each: FIRST.index(each["kind"]) if each["kind"] in FIRST else len(FIRST))


def path_of(api: ApiClient, wanted: dict[str, Any], plurals: dict[tuple[str, str], dict[str, Any]]) -> str:
    version, metadata = wanted["apiVersion"], wanted["metadata"]
    base = f"/api/{version}" if version == "v1" else f"/apis/{version}"
    if (version, wanted["kind"]) not in plurals:
        for each in client.get(api, base)["resources"]:
            plurals.setdefault((version, each["kind"]), each)
    kind = plurals[version, wanted["kind"]]
    below = f"{base}/namespaces/{metadata['namespace']}" if kind["namespaced"] else base
    return f"{below}/{kind['name']}/{metadata['name']}"


def may(
    api: ApiClient, in_group: str, verb: str, group: str, resource: str, namespace: str = HERE, user: str = "somebody"
) -> bool:
    """What the API server decides for somebody who is in this group alone."""
    name, _, part = resource.partition("/")
    asked = {"verb": verb, "group": group, "resource": name, "subresource": part, "namespace": namespace}
    reviews: Any = AuthorizationV1Api(api)
    spec = {"user": user, "groups": [in_group], "resourceAttributes": asked}
    return reviews.create_subject_access_review({"spec": spec}).status.allowed


def granted(who: str) -> list[tuple[str, str, str]]:
    """Verb, group and resource of all that a member's Role says."""
    rules: dict[str, Any] = {**RULES}
    return [
        (verb, group, resource)
        for rule in rules[who]
        for group in rule["api_groups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def a_job(labels: dict[str, str] | None = None) -> dict[str, Any]:
    container = {"name": "c", "image": "x:1", "securityContext": SAFE}
    pod = {"restartPolicy": "Never", "containers": [container]}
    return {"metadata": {"generateName": "run-", "labels": labels or {}}, "spec": {"template": {"spec": pod}}}


def a_pod(**changes: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "x:1", "securityContext": SAFE, **changes.pop("container", {})}
    return {"metadata": {"generateName": "pod-"}, "spec": {"containers": [container], **changes}}


def a_run(api: ApiClient, spec: dict[str, Any]) -> dict[str, Any]:
    runs: Any = CustomObjectsApi(api)
    wanted = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "run-"}}
    where = ("argoproj.io", "v1alpha1", HERE, "workflows")
    return runs.create_namespaced_custom_object(*where, {**wanted, "spec": spec}, dry_run="All")


@pytest.mark.parametrize("who", [*RULES])
def test_each_grant_is_one_members_and_two_others_are_refused(team: Cluster, api: ApiClient, who: str):
    for verb, group, resource in granted(who):
        assert may(api, member(who), verb, group, resource), (verb, resource)
        assert not may(api, member(who, THERE), verb, group, resource), "another team's"
        assert not may(api, "system:authenticated", verb, group, resource), "nobody in particular"
        assert not may(api, member(who), verb, group, resource, THERE), "somewhere else"


@pytest.mark.parametrize("who", [*RULES])
def test_nobody_of_a_team_reads_secrets_opens_shells_or_moves_the_fence(team: Cluster, api: ApiClient, who: str):
    for verb, group, resource in (
        ("get", "", "secrets"),
        ("list", "", "secrets"),
        ("create", "", "pods/exec"),
        ("create", "", "serviceaccounts/token"),
        ("create", "rbac.authorization.k8s.io", "roles"),
        ("escalate", "rbac.authorization.k8s.io", "roles"),
        ("bind", "rbac.authorization.k8s.io", "roles"),
        ("create", "rbac.authorization.k8s.io", "rolebindings"),
        ("create", "networking.k8s.io", "networkpolicies"),
        ("delete", "networking.k8s.io", "networkpolicies"),
        ("patch", "", "resourcequotas"),
        ("patch", "kueue.x-k8s.io", "localqueues"),
        ("create", "external-secrets.io", "secretstores"),
        ("patch", "", "namespaces"),
        ("impersonate", "", "groups"),
    ):
        assert not may(api, member(who), verb, group, resource), (verb, resource)


def test_every_kind_that_a_role_names_is_one(api: ApiClient):
    known = {("", each["name"]) for each in client.get(api, "/api/v1")["resources"]}
    for group in client.get(api, "/apis")["groups"]:
        for version in group["versions"]:
            resources = client.get(api, f"/apis/{version['groupVersion']}")["resources"]
            known |= {(group["name"], each["name"]) for each in resources}
    named = {(group, resource) for who in RULES for _, group, resource in granted(who)}
    assert named - known == UNSERVED


def test_who_trains_starts_a_run_in_a_queue_and_none_beside_it(team: Cluster):
    batch: Any = BatchV1Api(api_of(team, group=member("data-scientist")))
    said = refusal(lambda: batch.create_namespaced_job(HERE, a_job(), dry_run="All"))
    assert "names no queue; set the label kueue.x-k8s.io/queue-name: default" in said
    assert batch.create_namespaced_job(HERE, a_job(QUEUED)).metadata.labels == QUEUED
    for group in (member("auditor"), member("data-scientist", THERE)):
        start: Any = BatchV1Api(api_of(team, group=group)).create_namespaced_job
        assert "cannot create resource" in refusal(partial(start, HERE, a_job(QUEUED)))


def test_pods_are_restricted_and_counted(team: Cluster, api: ApiClient):
    core: Any = CoreV1Api(api)
    privileged = a_pod(container={"securityContext": {"privileged": True}})
    assert 'violates PodSecurity "restricted:v1.35"' in refusal(lambda: core.create_namespaced_pod(HERE, privileged))
    critical = a_pod(priorityClassName="system-cluster-critical")
    assert "exceeded quota" in refusal(lambda: core.create_namespaced_pod(HERE, critical, dry_run="All"))
    greedy = a_pod(container={"resources": {"limits": {"nvidia.com/gpu": "13"}}})
    said = refusal(lambda: core.create_namespaced_pod(HERE, greedy, dry_run="All"))
    assert "limited: requests.nvidia.com/gpu=12" in said
    modest = a_pod(container={"resources": {"limits": {"nvidia.com/gpu": "12"}}})
    made = core.create_namespaced_pod(HERE, modest, dry_run="All")
    assert made.spec.containers[0].resources.requests["memory"] == "2Gi", "what it didn't say"


def test_nothing_opens_a_way_in_from_outside(team: Cluster, api: ApiClient):
    core: Any = CoreV1Api(api)
    for kind in ("LoadBalancer", "NodePort"):
        service = {"metadata": {"generateName": "way-"}, "spec": {"type": kind, "ports": [{"port": 80}]}}
        assert "exceeded quota" in refusal(partial(core.create_namespaced_service, HERE, service, dry_run="All"))


def test_a_deployment_of_the_team_puts_what_its_stack_makes(team: Cluster):
    core: Any = CoreV1Api(api_of(team, group=member("deployers")))
    made = core.create_namespaced_service_account(HERE, {"metadata": {"name": "made"}})
    assert made.metadata.namespace == HERE
    theirs = {"metadata": {"name": "theirs"}}
    for group in (member("ml-engineer"), member("deployers", THERE)):
        make: Any = CoreV1Api(api_of(team, group=group)).create_namespaced_service_account
        assert "cannot create" in refusal(partial(make, HERE, theirs))


def test_a_datasets_files_are_claimed_for_the_team_which_makes_no_volume_itself(team: Cluster, api: ApiClient):
    core: Any = CoreV1Api(api)
    (volume,) = [each for each in core.list_persistent_volume().items if "fraud-transactions" in each.metadata.name]
    claim = core.read_namespaced_persistent_volume_claim(volume.spec.claim_ref.name, HERE)
    assert claim.spec.volume_name == volume.metadata.name and claim.spec.storage_class_name == ""
    until(
        core.list_namespaced_resource_quota,
        lambda quota: (quota.status.used or {}).get("requests.storage") == "1Gi",
        HERE,
    )
    stolen = {"metadata": {"name": "stolen"}, "spec": {**volume.to_dict()["spec"], "claim_ref": None}}
    for group in (member("deployers"), member("ml-engineer"), member("deployers", THERE)):
        make: Any = CoreV1Api(api_of(team, group=group)).create_persistent_volume
        assert "cannot create" in refusal(partial(make, stolen))


def test_accounts_of_a_pipeline_say_what_steps_left_and_no_other_account_does(team: Cluster, api: ApiClient):
    def asked(account: str, verb: str, resource: str = "workflowtaskresults") -> bool:
        user = f"system:serviceaccount:{HERE}:{account}"
        return may(api, "system:serviceaccounts", verb, "argoproj.io", resource, user=user)

    for account in (f"{HERE}-trainer", f"{HERE}-conductor", f"{HERE}-judge"):
        assert asked(account, "create") and asked(account, "patch")
        assert not asked(account, "get") and not asked(account, "create", "workflows")
    for other in (f"{HERE}-secrets-reader", "default"):
        assert not asked(other, "create")
    assert not may(api, member("ml-engineer"), "patch", "argoproj.io", "workflowtaskresults"), "people don't say it"


def test_pods_whose_word_gates_trust_are_the_workflow_controllers_to_make(team: Cluster):
    judging = a_pod(serviceAccountName=f"{HERE}-judge")
    make: Any = CoreV1Api(api_of(team)).create_namespaced_service_account
    make(HERE, {"metadata": {"name": f"{HERE}-judge"}})
    for user in ("kubernetes-admin", "system:serviceaccount:kube-system:job-controller"):
        start: Any = CoreV1Api(api_of(team, group="system:masters", user=user)).create_namespaced_pod
        assert "only steps of a pipeline are" in refusal(partial(start, HERE, judging, dry_run="All"))
    argo: Any = CoreV1Api(api_of(team, group="system:masters", user=CONTROLLER))
    assert argo.create_namespaced_pod(HERE, judging, dry_run="All").spec.service_account_name == f"{HERE}-judge"


def test_who_starts_a_run_names_a_template_and_says_nothing_else_of_it(team: Cluster):
    given = {"arguments": {"parameters": [{"name": "commit", "value": "a1b2c3d"}]}}
    named = {"workflowTemplateRef": {"name": f"{HERE}-nightly"}, **given}
    person = api_of(team, group=member("data-scientist"))
    step = {"name": "all", "container": {"image": "x:1"}}
    for more in (
        {"serviceAccountName": f"{HERE}-judge"},
        {"podSpecPatch": "{}"},
        {"artifactGC": {"podSpecPatch": "{}"}},
        {"entrypoint": "all", "templates": [step]},
    ):
        assert "by workflowTemplateRef and arguments alone" in refusal(partial(a_run, person, {**named, **more}))
    by_hand = {"entrypoint": "all", "templates": [step]}
    assert "by workflowTemplateRef and arguments alone" in refusal(partial(a_run, person, by_hand))
    assert a_run(person, named)["spec"] == named
    for group in (member("auditor"), member("data-scientist", THERE)):
        assert "cannot create resource" in refusal(partial(a_run, api_of(team, group=group), named))
    argo = api_of(team, group="system:masters", user=CONTROLLER)
    assert a_run(argo, by_hand)["spec"] == by_hand, "the controller keeps in a run what its template says"


def test_what_looks_for_idle_gpus_may_stop_workloads_of_teams_and_nothing_else(team: Cluster, api: ApiClient):
    account = "system:serviceaccount:ml-fenced-platform-idle:ml-fenced-platform-idle-look"
    asked = partial(may, api, "system:serviceaccounts", user=account)
    for namespace in (HERE, THERE):
        assert asked("patch", "kueue.x-k8s.io", "workloads", namespace)
        assert asked("list", "", "pods", namespace)
        for verb, group, resource in (("delete", "", "pods"), ("get", "", "secrets"), ("patch", "batch", "jobs")):
            assert not asked(verb, group, resource, namespace)
    assert not asked("patch", "kueue.x-k8s.io", "workloads", "kube-system")
    assert not may(api, "system:serviceaccounts", "patch", "kueue.x-k8s.io", "workloads"), "another account"
    assert not may(api, member("ml-engineer"), "patch", "kueue.x-k8s.io", "workloads"), "the team's own engineer"
