"""The model registry as a graph, and what its file may not say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from modelyard import Context, KnownAudit, KnownKeys, ModelRegistry, RegistrySpec, Role
from modelyard.assess.graph import Graph, record
from modelyard.core.access import trust_service
from modelyard.core.errors import InputError, SpecError

CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0"
RECALL = {"kind": "accuracy", "metric": "recall", "threshold": 0.8}
SCORES = {
    "description": "Scores payments",
    "owner": "ada@acme.example",
    "metrics": ["recall", "gap"],
    "gates": {"recall": RECALL},
}


def registry_spec(**changes: Any) -> RegistrySpec:
    return RegistrySpec.model_validate({"models": {"scores": {**SCORES, **changes}}})


def graph_of(spec: RegistrySpec, **grants: Any) -> Graph:
    def program() -> None:
        registry = ModelRegistry(
            "registry", spec, context=CONTEXT, keys=KnownKeys({"default": KEY}), audit=KnownAudit(CONTEXT)
        )
        for intent, models in grants.items():
            trusted = [trust_service("sagemaker.amazonaws.com", context=CONTEXT)]
            role = Role(intent, context=CONTEXT, trusted=trusted, description=intent)
            getattr(registry, f"grant_{intent}")(role, models=models)

    return record(program, project="p", stack="s", region=CONTEXT.region)


def one(graph: Graph, type_: str, name: str) -> dict[str, Any]:
    (found,) = [node for node in graph.nodes if node.type == type_ and node.name == name]
    return dict(found.properties)


def faults(**changes: Any) -> str:
    with pytest.raises(SpecError) as caught:
        graph_of(registry_spec(**changes))
    return str(caught.value)


def test_a_gate_with_a_metric_that_nobody_produces_is_refused():
    said = faults(gates={"recall": {**RECALL, "metric": "recal"}})
    assert "gates.recall.metric" in said
    assert "nobody produces this metric" in said
    assert "recall, gap" in said


def test_gates_that_exclude_each_other_are_refused():
    said = faults(gates={"low": RECALL, "high": {**RECALL, "comparison": "at_most", "threshold": 0.5}})
    assert "excludes low" in said
    other = {"low": RECALL, "high": {**RECALL, "comparison": "at_most", "threshold": 0.5, "slice": {"country": "de"}}}
    graph_of(registry_spec(gates=other))


def test_a_model_that_nothing_measures_says_why():
    assert "nothing decides" in faults(gates={})
    graph_of(registry_spec(gates={}, ungated_because="a table of limits that lawyers keep"))
    assert "Take one of the two away" in faults(ungated_because="no time")


def test_all_faults_come_at_once():
    said = faults(gates={"a": {**RECALL, "metric": "x"}, "b": {"kind": "latency", "metric": "y", "threshold": 50}})
    assert "gates.a.metric" in said
    assert "gates.b.metric" in said


def test_the_artifact_store_is_versioned_lockable_and_encrypted():
    graph = graph_of(registry_spec())
    assert one(graph, "aws:s3/bucket:Bucket", "registry-bucket")["objectLockEnabled"] is True
    versioning = one(graph, "aws:s3/bucketVersioning:BucketVersioning", "registry-versioning")
    assert versioning["versioningConfiguration"] == {"status": "Enabled"}
    encryption = one(
        graph,
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "registry-encryption",
    )
    assert encryption["rules"][0]["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == KEY


def test_the_signing_key_signs_and_does_nothing_else():
    key = one(graph_of(registry_spec()), "aws:kms/key:Key", "registry-release-keys-signing-key")
    assert (key["keyUsage"], key["customerMasterKeySpec"]) == ("SIGN_VERIFY", "ECC_NIST_P256")
    said = {s["Sid"]: s for s in json.loads(key["policy"])["Statement"]}
    signs = "arn:aws:iam::123456789012:role/modelyard/ml/dev/fraud/ml-dev-fraud-registry-promoter"
    refused = said["NobodyElseSigns"]
    assert (refused["Effect"], refused["Condition"]) == ("Deny", {"ArnNotEquals": {"aws:PrincipalArn": signs}})
    assert "kms:Sign" not in said["AdministratorsManageIt"]["Action"]
    made = one(graph_of(registry_spec()), "aws:iam/role:Role", "registry-promoter-role")
    assert signs.endswith(f"role{made['path']}{made['name']}"), "the key names the role that is made"


def test_a_group_has_a_policy_only_where_another_account_pulls():
    kinds = {node.type for node in graph_of(registry_spec()).nodes}
    assert "aws:sagemaker/modelPackageGroupPolicy:ModelPackageGroupPolicy" not in kinds
    graph = graph_of(registry_spec(pulled_by=["210987654321"]))
    policy = one(graph, "aws:sagemaker/modelPackageGroupPolicy:ModelPackageGroupPolicy", "registry-scores-policy")
    for statement in json.loads(policy["resourcePolicy"])["Statement"]:
        assert statement["Principal"] == {"AWS": "arn:aws:iam::210987654321:root"}
        assert statement["Condition"]["ArnLike"]["aws:PrincipalArn"] == "arn:aws:iam::210987654321:role/modelyard/*"
        assert "CreateModelPackage" not in str(statement)


def test_what_other_accounts_pull_is_under_a_key_that_lets_them():
    graph = graph_of(registry_spec(pulled_by=["210987654321"]))
    key = json.loads(one(graph, "aws:kms/key:Key", "registry-release-keys-artifacts-key")["policy"])
    (pulls,) = [s for s in key["Statement"] if s.get("Sid") == "Account210987654321Pulls"]
    assert pulls["Action"] == "kms:Decrypt"
    assert pulls["Condition"]["StringEquals"] == {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}


def test_a_model_that_the_registry_has_not_is_granted_to_nobody():
    with pytest.raises(InputError, match="It has scores"):
        graph_of(registry_spec(), submit=["others"])


def test_the_functions_files_hold_the_rules_and_the_declared_gates():
    from modelyard.build.registry.shipped import sources

    files = sources({"scores": {"gates": {}}})
    assert "def broken(" in files["modelyard/core/releasing.py"]
    assert json.loads(files["models.json"]) == {"scores": {"gates": {}}}
    for name, text in files.items():
        if name.endswith(".py"):
            compile(text, name, "exec")


def test_the_rules_that_are_shipped_need_nothing_beyond_the_standard_library():
    import ast
    import inspect
    import sys

    from modelyard.core import releasing

    tree = ast.parse(inspect.getsource(releasing))
    found = {str(node.module).partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    found |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert found <= set(sys.stdlib_module_names)


def test_a_refusal_ends_the_machine_before_any_status_is_set():
    from modelyard.build.registry.promotion import definition

    machine = definition("f", "bus", "fraud")["States"]
    assert machine["Decided"]["Default"] == "Refused"
    assert machine["Refused"]["Type"] == "Fail"
    sets = {name: s["Parameters"]["ModelApprovalStatus"] for name, s in machine.items() if "updateModel" in str(s)}
    assert sets == {"Approve": "Approved", "Reject": "Rejected"}


def test_the_example_of_the_docs_is_a_registry():
    page = (Path(__file__).resolve().parents[2] / "docs" / "registry.md").read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    spec = RegistrySpec.model_validate(YAML(typ="safe").load(example))
    assert spec.models["scores"].gates["better"].value.against == "champion"
    graph_of(spec)
