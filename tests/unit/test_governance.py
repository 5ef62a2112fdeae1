"""The evidence store as a graph, what its file may not say, and what a bundle's files say of themselves."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from modelyard import Context, EvidenceStore, GovernanceSpec, KnownAudit, KnownKeys, ModelRegistry, RegistrySpec
from modelyard.assess.graph import Graph, record
from modelyard.blueprints.project import Project
from modelyard.core.access import trust_service
from modelyard.core.errors import InputError, SpecError
from modelyard.core.evidence import (
    FILES,
    MANIFEST,
    PARTS,
    SIGNATURE,
    absent,
    differences,
    entry,
    file_of,
    manifest,
    why_absent,
)
from modelyard.core.identity import Role
from modelyard.core.releasing import canonical
from modelyard.operate.deployments import Place
from modelyard.operate.evidence import store_of, stores_of
from modelyard.operate.models import model_of
from modelyard.run.governance.page import page

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0"
SCORES = {"description": "Scores payments", "owner": "ada@acme.example", "ungated_because": "others try them"}
COMPLIANCE = {"lock": {"kind": "compliance", "undeletable": True}}


def graph_of(spec: GovernanceSpec | None = None, context: Context = CONTEXT, models: Any = None, **said: Any) -> Graph:
    def program() -> None:
        keys, audit = KnownKeys({"default": KEY}), KnownAudit(context)
        wanted = RegistrySpec.model_validate({"models": {"scores": SCORES}})
        registry = ModelRegistry("registry", wanted, context=context, keys=keys, audit=audit)
        store = EvidenceStore(
            "evidence", spec or GovernanceSpec(), context=context, keys=keys, registry=registry, audit=audit, **said
        )
        if models is not None:
            trusted = [trust_service("sagemaker.amazonaws.com", context=context)]
            store.grant_read(Role("auditor", context=context, trusted=trusted, description="a"), models=models)

    return record(program, project="p", stack="s", region=context.region)


def one(graph: Graph, type_: str, name: str) -> dict[str, Any]:
    (found,) = [node for node in graph.nodes if node.type == type_ and node.name == name]
    return dict(found.properties)


def spec(**said: Any) -> GovernanceSpec:
    return GovernanceSpec.model_validate(said)


def test_the_bucket_is_locked_versioned_encrypted_and_shut():
    graph = graph_of()
    assert one(graph, "aws:s3/bucket:Bucket", "evidence-bucket")["objectLockEnabled"] is True
    lock = one(graph, "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration", "evidence-lock")
    assert lock["rule"] == {"defaultRetention": {"mode": "GOVERNANCE", "years": 10}}
    versioning = one(graph, "aws:s3/bucketVersioning:BucketVersioning", "evidence-versioning")
    assert versioning["versioningConfiguration"] == {"status": "Enabled"}
    encryption = one(
        graph,
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "evidence-encryption",
    )
    assert encryption["rules"][0]["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == KEY
    doors = one(graph, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "evidence-bucket-public-access")
    assert all(doors[door] for door in ("blockPublicAcls", "blockPublicPolicy", "restrictPublicBuckets"))


def test_production_keeps_its_evidence_and_other_environments_let_it_go():
    for production in (True, False):
        graph = graph_of(context=replace(CONTEXT, production=production))
        (node,) = [node for node in graph.nodes if node.name == "evidence-bucket"]
        assert node.options.get("protect", False) is production
        assert node.properties["forceDestroy"] is not production


def test_the_bucket_lets_one_write_and_nobody_take_away():
    said = json.loads(one(graph_of(), "aws:s3/bucketPolicy:BucketPolicy", "evidence-policy")["policy"])
    found = {statement["Sid"]: statement for statement in said["Statement"]}
    assert {statement["Effect"] for statement in found.values()} == {"Deny"}, "IAM alone grants"
    writes = found["OneWritesEvidence"]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]
    assert writes.endswith("role/modelyard/ml/dev/fraud/ml-dev-fraud-evidence-writer")
    assert {"OnlyByTLS", "WrittenOnce", "NobodyTakesEvidenceAway", "NobodyLiftsTheLock"} <= set(found)


def test_the_writer_hears_of_approvals_of_its_own_team_alone():
    rule = one(graph_of(), "aws:cloudwatch/eventRule:EventRule", "evidence-releases")
    assert rule["eventBusName"] == "ml-dev-platform-audit"
    assert json.loads(rule["eventPattern"]) == {
        "detail": {"decision": ["approved"]},
        "detail-type": ["modelyard.approval"],
        "source": ["modelyard.fraud"],
    }
    invoked = one(graph_of(), "aws:lambda/permission:Permission", "evidence-releases-invoke")
    assert invoked["principal"] == "events.amazonaws.com"
    assert invoked["sourceArn"].endswith("/ml-dev-fraud-evidence-releases")


def test_the_sealer_runs_under_the_role_that_alone_signs_and_the_writer_under_its_own():
    graph = graph_of()
    roles = {part: one(graph, "aws:lambda/function:Function", f"evidence-{part}")["role"] for part in _FUNCTIONS}
    assert roles["sealer"].endswith("ml-dev-fraud-registry-promoter")
    assert roles["writer"].endswith("ml-dev-fraud-evidence-writer")


_FUNCTIONS = ("sealer", "writer")


def test_a_models_owner_hears_of_evidence_that_was_not_written():
    (alarm,) = [node for node in graph_of().nodes if node.name.startswith("evidence-unwritten-")]
    assert alarm.properties["dimensions"] == {"FunctionName": "ml-dev-fraud-evidence-writer"}
    assert one(graph_of(), "aws:sns/topicSubscription:TopicSubscription", _mail(graph_of()))["endpoint"] == (
        "ada@acme.example"
    )


def _mail(graph: Graph) -> str:
    (name,) = [n.name for n in graph.nodes if n.name.startswith("evidence-notices") and n.name.endswith("-mail")]
    return name


def test_what_the_deployment_says_of_itself_is_put_down_and_stays():
    graph = graph_of(infrastructure={"commit": "c" * 40}, policy_report={"violations": 0})
    (node,) = [node for node in graph.nodes if node.name == "evidence-infrastructure"]
    assert json.loads(node.properties["content"]) == {"commit": "c" * 40, "outputs": {}}
    assert node.options["retainOnDelete"] is True, "a bundle speaks of it"
    report = one(graph, "aws:s3/bucketObjectv2:BucketObjectv2", "evidence-policy-report")
    assert report["key"] == "deployment/policy.json"


def test_what_the_stack_exports_comes_along_and_nothing_secret():
    def program() -> None:
        pulumi.export("before", {"bucket": "b"})
        registry = {"models": {"scores": SCORES}}
        keys, audit = KnownKeys({"default": KEY}), KnownAudit(CONTEXT)
        made = ModelRegistry("registry", RegistrySpec.model_validate(registry), context=CONTEXT, keys=keys, audit=audit)
        EvidenceStore(
            "evidence",
            GovernanceSpec(),
            context=CONTEXT,
            keys=keys,
            registry=made,
            audit=audit,
            infrastructure={"commit": "c" * 40},
        )
        pulumi.export("after", made.signing_key_arn)
        pulumi.export("password", pulumi.Output.secret("canary"))

    graph = record(program, project="p", stack="s", region=CONTEXT.region)
    content = one(graph, "aws:s3/bucketObjectv2:BucketObjectv2", "evidence-infrastructure")["content"]
    outputs = json.loads(content)["outputs"]
    assert set(outputs) == {"after", "before", "password"}, "whenever it was exported"
    assert (outputs["before"], outputs["password"]) == ({"bucket": "b"}, "[secret]")
    assert outputs["after"].startswith("arn:aws:kms:")


def test_compliance_says_that_it_is_for_good_and_is_for_production_alone():
    with pytest.raises(SpecError, match="undeletable: got False; compliance mode can't be undone"):
        graph_of(spec(lock={"kind": "compliance"}), replace(CONTEXT, production=True))
    with pytest.raises(SpecError, match=r"lock.kind.*could not be taken down for 10 years.*kind: governance"):
        graph_of(spec(**COMPLIANCE))
    graph = graph_of(spec(**COMPLIANCE, retention_years=7), replace(CONTEXT, production=True))
    lock = one(graph, "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration", "evidence-lock")
    assert lock["rule"] == {"defaultRetention": {"mode": "COMPLIANCE", "years": 7}}


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"retention_years": 0}, "retention_years"),
        ({"retention_years": 101}, "retention_years"),
        ({"lock": {"kind": "none"}}, "lock"),
        ({"access_log_days": 0}, "access_log_days"),
        ({"retention_days": 5}, "retention_days"),
    ],
)
def test_what_no_store_can_be_is_refused(said: dict[str, Any], path: str):
    with pytest.raises(ValidationError) as caught:
        spec(**said)
    assert caught.value.errors()[0]["loc"][0] == path


def test_a_grant_on_a_model_that_there_isnt_is_refused():
    with pytest.raises(InputError, match="is no model of the registry.*Name one of scores"):
        graph_of(models=["scorse"])
    graph_of(models=["scores"])


def files(**changed: Any) -> dict[str, bytes]:
    parts: dict[str, Any] = {part: {"says": part} for part in PARTS} | changed
    found = {file_of(part): canonical(value).encode() for part, value in parts.items()}
    return {**found, "page.html": b"<html>"}


ABOUT = {
    "model": "scores",
    "model_version": 3,
    "team": "fraud",
    "environment": "dev",
    "package": "arn:aws:sagemaker:…/3",
    "released_at": "2026-01-01T00:00:00+00:00",
}


def whole(**changed: Any) -> tuple[dict[str, bytes], bytes]:
    """A bundle's files, and its entry in the index."""
    found = files(**changed)
    listed, seal = manifest(ABOUT, found, {}).encode(), b"{}"
    return {**found, MANIFEST: listed, SIGNATURE: seal}, entry(listed, seal).encode()


def test_a_whole_bundle_has_no_difference_and_each_loss_is_told():
    found, index = whole()
    assert list(differences(found, index)) == []
    for name in (*FILES, MANIFEST, SIGNATURE):
        left = {other: content for other, content in found.items() if other != name}
        assert any(one.file == name for one in differences(left, index)), name
    assert [str(one) for one in differences({**found, "more.json": b"{}"}, index)] == [
        "more.json: is no file of the bundle"
    ]


def test_every_byte_of_every_file_counts():
    found, index = whole()
    for name in (*FILES, MANIFEST, SIGNATURE):
        for place in range(len(found[name])):
            content = bytearray(found[name])
            content[place] ^= 1
            assert list(differences({**found, name: bytes(content)}, index)), f"{name}, byte {place}"
    for place in range(len(index)):
        content = bytearray(index)
        content[place] ^= 1
        assert list(differences(found, bytes(content))), f"the index, byte {place}"


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"files": 3}', b'{"files": {"a": {}}}', b"\xff"])
def test_a_manifest_or_an_index_that_is_none_is_told_and_breaks_nothing(text: bytes):
    found, index = whole()
    assert any(one.file == MANIFEST for one in differences({**found, MANIFEST: text}, index))
    assert any("index" in one.file for one in differences(found, text))


def test_a_manifest_that_leaves_a_part_out_is_told():
    found, _ = whole()
    kept = {name: content for name, content in found.items() if name not in ("gates.json", MANIFEST, SIGNATURE)}
    short = manifest(ABOUT, kept, {}).encode()
    said = [str(one) for one in differences({**kept, MANIFEST: short}, None)]
    assert said == ["gates.json: isn't in the manifest"]


def test_an_absent_part_says_why_and_only_an_absent_one_does():
    assert why_absent(absent("nobody wrote one")) == "nobody wrote one"
    for there in ({"absent": "x", "more": 1}, {}, [], None, "absent"):
        assert why_absent(there) == ""


def test_nothing_gets_onto_the_page_unescaped():
    attack = "<script>alert(1)</script>"
    parts = files(card={attack: [attack, {"deep": attack}]}, policy=absent(attack), lineage={"ok": False, "none": None})
    shown = page({**ABOUT, "team": attack}, parts)
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") >= 4
    assert "default-src &#x27;none&#x27;" in shown or "default-src 'none'" in shown


def test_the_example_of_the_docs_is_a_store():
    text = (ROOT / "docs" / "governance.md").read_text("utf-8")
    ((example, code),) = re.findall(
        r"<!-- governance:example -->\n```yaml\n(.*?)```\n```python\n(.*?)```", text, re.DOTALL
    )
    wanted = GovernanceSpec.model_validate(YAML(typ="safe").load(example))
    assert (wanted.retention_years, wanted.mode) == (10, "GOVERNANCE")

    def program() -> None:
        keys, audit = KnownKeys({"default": KEY}), KnownAudit(CONTEXT)
        trusted = [trust_service("sagemaker.amazonaws.com", context=CONTEXT)]
        models = RegistrySpec.model_validate({"models": {"scores": SCORES}})
        names = {
            "EvidenceStore": EvidenceStore,
            "spec": wanted,
            "context": CONTEXT,
            "keys": keys,
            "audit": audit,
            "commit": "c" * 40,
            "registry": ModelRegistry("registry", models, context=CONTEXT, keys=keys, audit=audit),
            **{
                name: Role(name, context=CONTEXT, trusted=trusted, description=name) for name in ("auditor", "pipeline")
            },
        }
        exec(code, names)

    graph = record(program, project="p", stack="s", region=CONTEXT.region)
    assert {"auditor-evidence-access", "pipeline-evidence-access"} <= {node.name for node in graph.nodes}
    listed = set(re.findall(r"^\| `([a-z-]+\.(?:json|html))`", text, re.MULTILINE))
    assert {*FILES, MANIFEST} == listed, "the page names every file of a bundle"


def shipped() -> Place:
    return Place(Project(ROOT), "local", True, ("fraud", "demand"), {})


def test_a_team_without_a_store_is_told_how_to_get_one(monkeypatch: pytest.MonkeyPatch):
    """Until its file says `governance`, a team has no evidence."""
    place = shipped()
    monkeypatch.setattr("modelyard.operate.evidence.place._declared", lambda *_: None)
    with pytest.raises(InputError, match='fraud declares no evidence store.*"governance: {}"'):
        store_of(place, model_of(place, "scores", "fraud"))
    with pytest.raises(InputError, match="no team of local declares an evidence store"):
        stores_of(place)
    with pytest.raises(InputError, match="no team of local has such a model"):
        model_of(place, "nothing")
