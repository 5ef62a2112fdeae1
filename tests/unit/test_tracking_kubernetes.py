"""MLflow on Kubernetes as a graph: signed in to, private, without a secret in any manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from tests.ground import ACCOUNT, REGION, a_role, fraud, known_keys, recording

from modelyard.assess.graph import Graph
from modelyard.assess.policy.engine import judge
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings
from modelyard.build.tracking import KubernetesTracking, KubernetesTrackingSpec, migrate, tracking_ways
from modelyard.core.component import Component
from modelyard.core.errors import InputError, SpecError
from modelyard.core.given import SecretKey
from modelyard.core.spec import SourceMap
from modelyard.foundation.tenancy import ServiceAccountRole

IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-mlflow@sha256:{'a' * 64}"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
NAMESPACE = "ml-dev-fraud"
KEYS = {"access_key": {"name": "store", "key": "id"}, "secret_key": {"name": "store", "key": "key"}}
COMPATIBLE: dict[str, Any] = {
    "kind": "compatible",
    "endpoint": "https://s3.store.acme.example",
    "bucket": "fraud-runs",
    "prefix": "mlflow/",
    **KEYS,
}
GIVEN: dict[str, Any] = {
    "image": IMAGE,
    "database": {"connection": {"name": "mlflow-db-app", "key": "uri"}},
    "passwords": {name: {"name": f"mlflow-{name}"} for name in ("admin", "writer", "reader", "session")},
    "files": COMPATIBLE,
    "listener": {"kind": "tls", "certificate": "mlflow-tls"},
    "ways": {
        "reached_from": ["gateways"],
        "reaches": [{"namespace": "postgres", "ports": [5432]}, {"cidr": "10.20.0.0/16", "ports": [443]}],
    },
}
CASES: dict[str, dict[str, Any]] = {
    "elsewhere": {"database": {**GIVEN["database"], "ca": {"name": "mlflow-db-ca", "key": "ca.crt"}}, "count": 2},
    "onaws": {"files": {"kind": "bucket"}, "listener": {"kind": "http", "unsafe_because": "a mesh encrypts"}},
}


def spec(**changes: Any) -> KubernetesTrackingSpec:
    return KubernetesTrackingSpec.model_validate({**GIVEN, **changes})


def located(given: KubernetesTrackingSpec) -> KubernetesTrackingSpec:
    """As it would be in a file: every part knows its path."""
    given.locate(SourceMap(""))
    return given


class Bare:
    """An account of a cluster that knows no AWS."""

    namespace = NAMESPACE
    service_account = "mlflow"


def recorded(specs: Mapping[str, KubernetesTrackingSpec], *, production: bool = False, **how: Any) -> Graph:
    context = fraud(production=production)

    def program() -> None:
        into = pulumi.ResourceOptions(providers={"kubernetes": kubernetes.Provider("cluster", kubeconfig="{}")})
        for name, given in specs.items():
            bucket = given.files.kind == "bucket"
            made = KubernetesTracking(
                name,
                given,
                context=context,
                identity=ServiceAccountRole(
                    f"{name}-mlflow", context=context, cluster="ml-dev", description="Tracks", opts=into
                )
                if bucket
                else Bare(),
                keys=known_keys() if bucket else None,
                opts=into,
                **how,
            )
            if bucket:
                made.grant_log(a_role(f"{name}-trainer"))
                made.grant_read(a_role(f"{name}-looker"))

    return recording(program)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recorded({name: spec(**changes) for name, changes in CASES.items()})


def only(graph: Graph, kind: str, name: str) -> Any:
    (found,) = [node for node in graph.of_type(kind) if node.name.startswith(f"{name}-")]
    return found


def pod(graph: Graph, name: str) -> dict[str, Any]:
    return only(graph, DEPLOYMENT, name).properties["spec"]["template"]["spec"]


def container(graph: Graph, name: str, which: str) -> dict[str, Any]:
    described = pod(graph, name)
    (found,) = [each for each in (*described["initContainers"], *described["containers"]) if each["name"] == which]
    return found


def told(container: Mapping[str, Any]) -> dict[str, Any]:
    """A container's variables: their values, or the Secret and the key that they come from."""
    found: dict[str, Any] = {}
    for each in container["env"]:
        ref = each.get("valueFrom", {}).get("secretKeyRef")
        found[each["name"]] = each["value"] if ref is None else (ref["name"], ref["key"])
    return found


@pytest.mark.parametrize("which", ["database", "server"])
def test_the_database_is_entered_by_a_connection_that_no_manifest_holds(graph: Graph, which: str):
    described = container(graph, "elsewhere", which)
    found = told(described)
    assert found["MLFLOW_BACKEND_STORE_URI"] == ("mlflow-db-app", "uri")
    assert "--backend-store-uri" not in described["args"], "a command line is readable by whoever lists processes"
    assert (found["PGSSLMODE"], found["PGSSLROOTCERT"]) == ("verify-full", "/ca/ca.crt")
    assert told(container(graph, "onaws", which))["PGSSLMODE"] == "require", "never unencrypted"


def test_a_container_brings_the_database_up_to_date_before_the_server_starts(graph: Graph):
    described = container(graph, "elsewhere", "database")
    assert described["command"] == ["python"] and described["args"] == ["-c", Path(migrate.__file__).read_text("utf-8")]
    assert described in pod(graph, "elsewhere")["initContainers"]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("postgresql://ann:p@db:5432/mlflow?sslmode=disable", "says sslmode=disable"),
        ("postgresql://ann:p@db:5432/mlflow?sslmode=prefer", "says sslmode=prefer"),
        ("sqlite:////tmp/mlflow.db", "is none of PostgreSQL"),
        ("mysql://ann:p@db/mlflow", "is none of PostgreSQL"),
    ],
)
def test_a_connection_that_could_be_unencrypted_lets_no_pod_start(uri: str, said: str):
    with pytest.raises(SystemExit) as ended:
        migrate.refuse(uri)
    assert said in str(ended.value) and "ann" not in str(ended.value), "the reason shows nothing of the Secret"
    migrate.refuse("postgresql://ann:p@db:5432/mlflow")


def test_nobody_gets_in_without_a_password(graph: Graph):
    server = container(graph, "elsewhere", "server")
    assert server["args"][server["args"].index("--app-name") + 1] == "basic-auth"
    found = told(server)
    assert found["MLFLOW_AUTH_ADMIN_PASSWORD"] == ("mlflow-admin", "value")
    assert found["MLFLOW_FLASK_SERVER_SECRET_KEY"] == ("mlflow-session", "value")
    users = told(container(graph, "elsewhere", "users"))
    assert (users["WRITER_PASSWORD"], users["READER_PASSWORD"]) == (
        ("mlflow-writer", "value"),
        ("mlflow-reader", "value"),
    )


def test_passwords_travel_encrypted_and_probes_know_it(graph: Graph):
    server = container(graph, "elsewhere", "server")
    options = told(server)["MLFLOW_UVICORN_OPTS"]
    assert options.endswith("--ssl-certfile /tls/tls.crt --ssl-keyfile /tls/tls.key")
    assert "--ssl" not in told(container(graph, "onaws", "server"))["MLFLOW_UVICORN_OPTS"]
    assert {server[probe]["httpGet"]["scheme"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")} == {
        "HTTPS"
    }
    users = told(container(graph, "elsewhere", "users"))
    assert (users["SERVER"], users["SERVER_CERTIFICATE"]) == ("https://127.0.0.1:5000", "/tls/tls.crt")
    service = only(graph, "kubernetes:core/v1:Service", "elsewhere").properties["spec"]
    assert [port["port"] for port in service["ports"]] == [443]


def test_a_server_is_private_and_knows_its_own_names_alone(graph: Graph):
    for name in CASES:
        service = only(graph, "kubernetes:core/v1:Service", name).properties
        assert service["spec"]["type"] == "ClusterIP"
        args = container(graph, name, "server")["args"]
        hosts = args[args.index("--allowed-hosts") + 1].split(",")
        own = service["metadata"]["name"]
        assert hosts[:4] == [
            own,
            f"{own}.{NAMESPACE}",
            f"{own}.{NAMESPACE}.svc",
            f"{own}.{NAMESPACE}.svc.cluster.local",
        ]


def test_only_named_namespaces_get_in_and_only_named_places_are_called(graph: Graph):
    found = only(graph, POLICY, "elsewhere").properties["spec"]
    assert found["policyTypes"] == ["Ingress", "Egress"]
    (way,) = found["ingress"]
    assert way["ports"] == [{"protocol": "TCP", "port": 5000}]
    labelled = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateways"}}}
    assert way["from"] == [{"podSelector": {}}, labelled]
    outside = [(peer, [port["port"] for port in way.get("ports", [])]) for way in found["egress"] for peer in way["to"]]
    assert ({"ipBlock": {"cidr": "10.20.0.0/16"}}, [443]) in outside
    assert ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "postgres"}}}, [5432]) in outside
    assert len(outside) == 5, "its own namespace, names, its identity, and the two"
    selected = found["podSelector"]["matchLabels"]
    template = only(graph, DEPLOYMENT, "elsewhere").properties["spec"]["template"]["metadata"]
    assert selected.items() <= template["labels"].items()


def test_behind_a_fence_the_platform_makes_the_policy_and_the_team_none():
    context = fraud(production=False)

    class Platform(Component):
        CAPABILITY = "tenancy"

    def program() -> None:
        platform = Platform("space", None, context=context)
        tracking_ways(platform, spec().ways, server_name="tracking", namespace=NAMESPACE)

    (theirs,) = recording(program).of_type(POLICY)
    fenced, open_ = (recorded({"tracking": spec()}, fenced=fenced) for fenced in (True, False))
    assert not fenced.of_type(POLICY)
    assert theirs.properties["spec"] == only(open_, POLICY, "tracking").properties["spec"]


def test_files_in_a_compatible_store_are_read_and_written_by_the_server_alone(graph: Graph):
    server = container(graph, "elsewhere", "server")
    args = server["args"]
    assert args[args.index("--artifacts-destination") + 1] == "s3://fraud-runs/mlflow"
    assert args[args.index("--default-artifact-root") + 1] == "mlflow-artifacts:/"
    found = told(server)
    assert found["AWS_ENDPOINT_URL_S3"] == "https://s3.store.acme.example"
    assert (found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"]) == (("store", "id"), ("store", "key"))


def test_files_on_s3_are_written_by_clients_under_their_own_rights(graph: Graph):
    server = container(graph, "onaws", "server")
    assert "--no-serve-artifacts" in server["args"]
    root = server["args"][server["args"].index("--default-artifact-root") + 1]
    assert re.fullmatch(r"s3://ml-dev-fraud-onaws-[a-z0-9-]+/runs", root)
    assert not any("AWS_ACCESS_KEY" in name for name in told(server)), "pods are their account's role"

    def allowed(role: str) -> set[str]:
        documents = [
            json.loads(node.properties["policy"])
            for node in graph.of_type("aws:iam/rolePolicy:RolePolicy")
            if node.name.startswith(f"onaws-{role}")
        ]
        statements = [each for document in documents for each in document["Statement"]]
        actions = [each["Action"] if isinstance(each["Action"], list) else [each["Action"]] for each in statements]
        return {action for some in actions for action in some}

    assert "s3:PutObject" in allowed("trainer") and "s3:PutObject" not in allowed("looker")
    assert "s3:GetObject" in allowed("mlflow") and "s3:PutObject" not in allowed("mlflow")


def test_who_was_granted_learns_where_the_server_is(graph: Graph):
    (found,) = [
        json.loads(node.properties["insecureValue"])
        for node in graph.of_type("aws:ssm/parameter:Parameter")
        if node.name.startswith("onaws-trainer-")
    ]
    (where,) = found["addresses"]
    assert where["flavour"] == "kubernetes"
    assert where["tracking_uri"] == f"http://ml-dev-fraud-onaws.{NAMESPACE}.svc.cluster.local"


def test_a_grant_on_files_that_aws_does_not_keep_is_refused_with_what_to_do():
    def program() -> None:
        made = KubernetesTracking("tracking", spec(), context=fraud(production=False), identity=Bare())
        made.grant_log(a_role("trainer"))

    with pytest.raises(InputError) as refused:
        recording(program)
    assert 'variables("writer")' in str(refused.value)


def test_a_client_gets_its_password_from_the_secret_and_never_the_administrators():
    asked: dict[str, list[dict[str, Any]]] = {}

    def program() -> None:
        made = KubernetesTracking("tracking", spec(), context=fraud(production=False), identity=Bare())
        asked.update({user: made.variables(user) for user in ("writer", "reader")})
        with pytest.raises(InputError):
            made.variables("admin")

    recording(program)
    found = told({"env": asked["reader"]})
    assert found["MLFLOW_TRACKING_URI"].startswith("https://ml-dev-fraud-tracking.")
    assert (found["MLFLOW_TRACKING_USERNAME"], found["MLFLOW_TRACKING_PASSWORD"]) == (
        "reader",
        ("mlflow-reader", "value"),
    )


def test_new_passwords_start_pods_anew():
    annotations = [
        only(recorded({"tracking": spec(passwords={**GIVEN["passwords"], "version": version})}), DEPLOYMENT, "tracking")
        .properties["spec"]["template"]["metadata"]["annotations"]
        for version in (1, 2)
    ]  # fmt: skip
    assert annotations[0] != annotations[1]


def test_pods_write_nowhere_but_to_memory_and_tmp(graph: Graph):
    for name in CASES:
        described = pod(graph, name)
        assert described["automountServiceAccountToken"] is False
        for each in (*described["initContainers"], *described["containers"]):
            assert each["securityContext"]["readOnlyRootFilesystem"] is True
            writable = {mount["mountPath"] for mount in each["volumeMounts"] if not mount.get("readOnly")}
            assert writable == {"/credentials", "/tmp"}
        (credentials,) = [each for each in described["volumes"] if each["name"] == "credentials"]
        assert credentials["emptyDir"]["medium"] == "Memory", "the connection never lies on a disk"


def test_the_bucket_and_the_grants_are_there_before_the_pods(graph: Graph):
    deployment = only(graph, DEPLOYMENT, "onaws")
    granted = {
        node.urn for node in graph.of_type("aws:iam/rolePolicy:RolePolicy") if node.name.startswith("onaws-mlflow")
    }
    assert granted and granted <= set(deployment.dependencies)


def test_what_it_makes_breaks_none_of_our_rules(graph: Graph):
    around = Surroundings("prod", region=REGION, account=ACCOUNT, today=date(2026, 11, 22))
    judged = judge(graph, CATALOGUE, around)
    ours = {node.urn for node in graph.nodes if node.type.startswith("kubernetes:")}
    assert [(each.rule.id, each.problem) for each in judged.results if each.urn in ours] == []
    assert all(judged.asked[rule] >= 2 for rule in ("pss-restricted", "resource-limits"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image": "mlflow:latest"}, "image: got 'mlflow:latest'; can change behind its name"),
        ({"listener": {"kind": "http"}}, "listener.kind: got 'http'; sends passwords unencrypted"),
        ({"files": {**COMPATIBLE, "endpoint": "http://store"}}, "files.endpoint: got 'http://store'; sends what is"),
        ({"ways": {"reaches": [{"ports": [5432]}]}}, "ways.reaches[0]: leads to one place"),
        ({"ways": {"reaches": [{"cidr": "10.0.0.1/8", "ports": [1]}]}}, "cidr: got '10.0.0.1/8'; is no range"),
    ],
)
def test_a_faulty_server_is_refused_with_what_to_do(changes: dict[str, Any], said: str):
    (fault,) = located(spec(**changes)).all_faults()
    assert said in str(fault) and fault.remedy


def test_all_faults_of_a_place_are_told_at_once_and_nothing_is_made():
    def program() -> None:
        bad = located(spec(files={"kind": "bucket"}, image="mlflow"))
        KubernetesTracking("tracking", bad, context=fraud(production=True), identity=Bare())

    with pytest.raises(SpecError) as refusal:
        recording(program)
    said = [str(fault) for fault in refusal.value.faults]
    assert len(said) == 3
    assert any("files.kind: got 'bucket'; is made in AWS" in each for each in said)
    assert any("count: got 1; leaves nobody who answers" in each for each in said)


@pytest.mark.parametrize("changes", [{"name": "A B"}, {"name": "a", "key": "a/b"}])
def test_what_names_no_secret_is_no_spec(changes: dict[str, Any]):
    with pytest.raises(ValueError):
        SecretKey.model_validate(changes)


def test_the_pages_examples_hold():
    page = (Path(__file__).parents[2] / "docs" / "tracking-on-kubernetes.md").read_text("utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert examples
    for example in examples:
        exec(example, {})
