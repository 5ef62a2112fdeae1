"""Rules on images, models and their registry: other ways to keep them, what they leave out, and what isn't known."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.values import UNKNOWN, Secret
from modelyard.assess.policy.engine import Verdict, judge
from modelyard.assess.policy.examples import Of, Part, graph_of, part
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings

PRODUCTION = Surroundings(environment="prod", production=True, region="eu-west-1", account="111122223333", team="fraud")
RULES = {rule.id: rule for rule in CATALOGUE}
OPEN = ["undecided"]
OWN = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/train"
DIGEST = f"@sha256:{'0a' * 32}"
PACKAGE = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/scores/1"

MODEL = "aws:sagemaker/model:Model"
GROUP = "aws:sagemaker/modelPackageGroup:ModelPackageGroup"
REPOSITORY = "aws:ecr/repository:Repository"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
RESOURCE = "aws:cloudcontrol/resource:Resource"


def said(rule: str, *parts: Part, around: Surroundings = PRODUCTION) -> list[str]:
    results = judge(graph_of(parts), [RULES[rule]], around).results
    return ["undecided" if each.verdict is Verdict.UNDECIDED else each.problem for each in results]


def machine(image: Any) -> Part:
    state = {"Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync", "Parameters": image}
    definition = json.dumps({"States": {"Train": state}})
    return part("aws:sfn/stateMachine:StateMachine", definition=definition, roleArn="arn")


def model(**container: Any) -> Part:
    return part(MODEL, "model", primaryContainer=container)


def role(*statements: Any, **more: Any) -> tuple[Part, Part]:
    policy = json.dumps({"Statement": list(statements)})
    made = part("aws:iam/role:Role", "role", name="registrar", assumeRolePolicy="{}", **more)
    return made, part(ROLE_POLICY, "policy", role=Of("role"), policy=policy)


def statement(*actions: str, effect: str = "Allow", **condition: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"Effect": effect, "Action": list(actions), "Resource": "*"}
    return {**said, "Condition": condition} if condition else said


BOTH = statement("sagemaker:*ModelPackage")


def test_a_scan_that_the_whole_registry_has_is_enough():
    filters = [{"filter": "team-*", "filterType": "WILDCARD"}]
    whole = part(
        "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration",
        "scanning",
        scanType="ENHANCED",
        rules=[{"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": filters}],
    )
    assert said("ecr-scan", whole, part(REPOSITORY, name="team-train")) == []
    assert said("ecr-scan", whole, part(REPOSITORY, name="other")) != [], "it covers other repositories"


def test_a_tag_that_is_left_out_by_name_may_move_and_all_of_them_may_not():
    def excluding(pattern: str) -> Part:
        filters = [{"filter": pattern, "filterType": "WILDCARD"}]
        kind = "IMMUTABLE_WITH_EXCLUSION"
        return part(REPOSITORY, imageTagMutability=kind, imageTagMutabilityExclusionFilters=filters)

    assert said("ecr-immutable", excluding("latest")) == []
    assert said("ecr-immutable", excluding("*")) != []


def test_a_lifecycle_without_rules_lets_nothing_go():
    cycle = part(
        "aws:ecr/lifecyclePolicy:LifecyclePolicy", "cycle", repository=Of("images"), policy=json.dumps({"rules": []})
    )
    assert said("ecr-lifecycle", part(REPOSITORY, "images", name="train"), cycle) != []


@pytest.mark.parametrize(
    "runs",
    [
        machine({"AlgorithmSpecification": {"TrainingImage": f"{OWN}:v1"}}),
        model(image=f"{OWN}:v1"),
        part("aws:lambda/function:Function", role="r", packageType="Image", imageUri=f"{OWN}:v1"),
        part("aws:ecs/taskDefinition:TaskDefinition", family="f", containerDefinitions=f'[{{"image": "{OWN}:v1"}}]'),
        part("kubernetes:apps/v1:Deployment", spec={"template": {"spec": {"containers": [{"image": f"{OWN}:v1"}]}}}),
        part(
            RESOURCE, typeName="AWS::SageMaker::Model", desiredState=f'{{"PrimaryContainer": {{"Image": "{OWN}:1"}}}}'
        ),
    ],
    ids=lambda runs: runs.type,
)
def test_an_image_by_tag_is_found_wherever_it_runs(runs: Part):
    (problem,) = said("image-digest-pinned", runs)
    assert OWN in problem


def test_variables_of_a_container_are_no_images():
    given = {"AppSpecification": {"ImageUri": OWN + DIGEST}, "Environment": {"Image": "a-picture.png"}}
    assert said("image-digest-pinned", machine(given)) == []


def test_an_image_that_a_run_is_given_is_asked_where_it_is_given():
    assert said("image-digest-pinned", machine({"AlgorithmSpecification": {"TrainingImage.$": "$.image"}})) == []
    assert said("image-digest-pinned", machine({"AlgorithmSpecification": {"TrainingImage": "{% $image %}"}})) == []


def test_known_images_are_judged_though_another_is_not_known():
    containers = [{"image": f"{OWN}:v1"}, {"image": UNKNOWN}]
    assert said("image-digest-pinned", part(MODEL, containers=containers))[1:] == OPEN


def test_images_in_a_secret_definition_are_judged():
    definition = Secret(json.dumps({"image": f"{OWN}:v1"}))
    graph = graph_of([part("aws:batch/jobDefinition:JobDefinition", type="container")])
    nodes = [replace(node, properties={"containerProperties": definition}) for node in graph if node.name == "it"]
    judged = judge(Graph("p", "s", tuple(nodes)), [RULES["image-digest-pinned"]], PRODUCTION)
    assert [each.verdict for each in judged.results] == [Verdict.VIOLATED]


@pytest.mark.parametrize(
    ("image", "known"),
    [
        (OWN + DIGEST, True),
        (OWN.replace("1111", "9999") + DIGEST, False),
        ("python", False),
        ("team/train:v1", False),
        ("ghcr.io/acme/train", False),
    ],
)
def test_images_come_from_the_accounts_own_registry_unless_others_are_approved(image: str, known: bool):
    assert (said("approved-registries", model(image=image)) == []) is known


@pytest.mark.parametrize(
    ("image", "known"),
    [
        ("ghcr.io/acme/train", True),
        ("ghcr.io/acme/train:v1", True),
        ("ghcr.io/acmetoo/train", False),
        ("docker.io/library/python:3.12", True),
        ("python:3.12", True),
        (OWN, False),
    ],
)
def test_what_is_approved_covers_all_below_it_and_nothing_beside(image: str, known: bool):
    around = replace(PRODUCTION, registries=("ghcr.io/acme", "docker.io/library/python"))
    assert (said("approved-registries", model(image=image), around=around) == []) is known


def test_without_an_account_nobody_can_say_whose_registry_it_is():
    assert said("approved-registries", model(image=OWN), around=Surroundings()) == OPEN


def test_a_signature_that_nobody_checks_is_not_enough():
    (problem,) = said("model-artifact-signed", part(GROUP, "group"), *role(statement("kms:Sign")))
    assert "checks" in problem


def test_a_role_that_may_do_anything_is_no_proof_of_signing():
    assert said("model-artifact-signed", part(GROUP, "group"), *role(statement("*"))) != []


def test_signing_is_open_while_a_policy_is_not_known():
    policy = part(ROLE_POLICY, "policy", role="r", policy=UNKNOWN)
    assert said("model-artifact-signed", part(GROUP, "group"), policy) == OPEN


def test_outside_of_production_models_may_serve_unapproved():
    tried = replace(PRODUCTION, production=False)
    assert said("prod-requires-approved-package", model(image=OWN), around=tried) == []
    assert said("prod-requires-approved-package", model(image=OWN)) != []


def test_every_container_of_production_is_a_version():
    containers = [{"modelPackageName": PACKAGE}, {"image": OWN}]
    (problem,) = said("prod-requires-approved-package", part(MODEL, containers=containers))
    assert "approved" in problem


def test_a_version_whose_name_comes_later_is_a_version():
    assert said("prod-requires-approved-package", model(modelPackageName=UNKNOWN)) == []


@pytest.mark.parametrize(("status", "fine"), [("Approved", True), ("PendingManualApproval", False)])
def test_of_a_version_that_the_stack_makes_the_approval_is_seen(status: str, fine: bool):
    version = part(
        RESOURCE,
        "version",
        typeName="AWS::SageMaker::ModelPackage",
        desiredState=json.dumps({"ModelApprovalStatus": status}),
    )
    serves = part(MODEL, primaryContainer={"modelPackageName": Of("version", "arn")})
    assert (said("prod-requires-approved-package", version, serves) == []) is fine


def test_a_component_of_an_endpoint_with_a_container_of_its_own_is_no_version():
    state = json.dumps({"Specification": {"Container": {"Image": OWN}}})
    serves = part(RESOURCE, typeName="AWS::SageMaker::InferenceComponent", desiredState=state)
    assert said("prod-requires-approved-package", serves) != []


@pytest.mark.parametrize(
    ("denial", "fine"),
    [
        (statement("sagemaker:UpdateModelPackage", effect="Deny"), True),
        (
            statement(
                "sagemaker:*ModelPackage",
                effect="Deny",
                StringEquals={"sagemaker:ModelApprovalStatus": ["Approved", "Rejected"]},
                StringNotLike={"aws:PrincipalArn": "*/promoter"},
            ),
            True,
        ),
        (
            statement(
                "sagemaker:*ModelPackage",
                effect="Deny",
                StringEquals={"sagemaker:ModelApprovalStatus": "Approved"},
                StringNotLike={"aws:PrincipalArn": "arn:example:role"},
            ),
            False,
        ),
        (statement("sagemaker:*", effect="Deny", Bool={"aws:MultiFactorAuthPresent": "false"}), False),
        (
            statement(
                "sagemaker:*", effect="Deny", StringEquals={"sagemaker:ModelApprovalStatus": "PendingManualApproval"}
            ),
            False,
        ),
    ],
    ids=["approving", "approving-but-for-another", "approving-but-for-itself", "sometimes", "what-waits"],
)
def test_who_registers_may_approve_nothing_where_a_denial_always_holds(denial: Any, fine: bool):
    assert (said("approver-is-not-author", *role(BOTH, denial)) == []) is fine


def test_who_may_only_leave_a_version_waiting_approves_nothing():
    waits = {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}
    may = (statement("sagemaker:CreateModelPackage"), statement("sagemaker:UpdateModelPackage", StringEquals=waits))
    assert said("approver-is-not-author", *role(*may)) == []


def test_both_rights_may_come_by_different_ways():
    approves = json.dumps({"Statement": statement("sagemaker:UpdateModelPackage")})
    attached = (
        part("aws:iam/policy:Policy", "approving", policy=approves),
        part(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            "attachment",
            role=Of("role"),
            policyArn=Of("approving", "arn"),
        ),
    )
    assert said("approver-is-not-author", *role(statement("sagemaker:CreateModelPackage")), *attached) != []
    assert said("approver-is-not-author", *role(statement("s3:GetObject")), *attached) == []


def test_aws_own_policy_that_holds_both_breaks_it_and_a_strangers_is_open():
    whole = role(statement("s3:GetObject"), managedPolicyArns=["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"])
    assert said("approver-is-not-author", *whole) not in ([], OPEN)
    other = role(statement("s3:GetObject"), managedPolicyArns=["arn:aws:iam::111122223333:policy/elsewhere"])
    assert said("approver-is-not-author", *other) == OPEN


def test_a_policy_that_is_not_known_yet_may_deny_what_another_allows():
    later = part(ROLE_POLICY, "later", role=Of("role"), policy=UNKNOWN)
    assert said("approver-is-not-author", *role(BOTH), later) == OPEN
    assert said("approver-is-not-author", *role(statement("sagemaker:*", effect="Deny")), later) == []


def test_a_group_is_open_to_an_organization_but_not_to_all():
    def policy(**condition: Any) -> Part:
        document = {"Statement": {**statement("sagemaker:DescribeModelPackage", **condition), "Principal": "*"}}
        kind = "aws:sagemaker/modelPackageGroupPolicy:ModelPackageGroupPolicy"
        return part(kind, modelPackageGroupName="scores", resourcePolicy=json.dumps(document))

    assert said("model-group-policy-not-public", policy(StringEquals={"aws:PrincipalOrgID": "o-1"})) == []
    assert said("model-group-policy-not-public", policy(Bool={"aws:SecureTransport": "true"})) != []


def test_lineage_of_a_version_stands_in_its_own_words():
    def version(**metadata: str) -> Part:
        state = json.dumps({"CustomerMetadataProperties": metadata})
        return part(RESOURCE, typeName="AWS::SageMaker::ModelPackage", desiredState=state)

    words = {"modelyard:data-snapshot": "s", "modelyard:code-commit": "c", "modelyard:training-job": "j"}
    assert said("lineage-tags", version(**words)) == []
    assert said("lineage-tags", version(snapshot="s", codeCommit="c", runId="r")) == []
    assert "run" in said("lineage-tags", version(snapshot="s", commit="c", runtime="python"))[0], "a runtime is no run"
    assert said("lineage-tags", model(modelPackageName=PACKAGE)) == [], "the registry has it"


def test_a_card_must_be_the_groups_and_say_what_the_model_is_for():
    def card(name: str, purpose: str) -> Part:
        content = {"model_overview": {"model_name": name}, "intended_uses": {"purpose_of_model": purpose}}
        kind = "aws:sagemaker/modelCard:ModelCard"
        return part(kind, "card", modelCardName="c", modelCardStatus="Draft", content=json.dumps(content))

    group = part(GROUP, "group", modelPackageGroupName="scores")
    assert said("model-card-present", group, card("scores", "Fraud.")) == []
    assert "no model card" in said("model-card-present", group, card("others", "Fraud."))[0]
    assert "what the model is for" in said("model-card-present", group, card("scores", ""))[0]


def test_a_cluster_stands_in_two_zones_by_its_instances():
    cluster = part("aws:rds/cluster:Cluster", "cluster", engine="aurora-postgresql")

    def instance(name: str) -> Part:
        kind, of = "aws:rds/clusterInstance:ClusterInstance", Of("cluster")
        return part(kind, name, clusterIdentifier=of, engine="aurora-postgresql", instanceClass="db.r6g.large")

    assert said("registry-db-multi-az", cluster, instance("a"), instance("b")) == []
    assert said("registry-db-multi-az", cluster, instance("a")) != []


def test_one_zone_is_enough_outside_of_production_and_for_what_is_only_read():
    single = part("aws:rds/instance:Instance", instanceClass="db.t4g.small", engine="postgres")
    copy = part("aws:rds/instance:Instance", instanceClass="db.t4g.small", replicateSourceDb="first")
    assert said("registry-db-multi-az", single, around=replace(PRODUCTION, production=False)) == []
    assert said("registry-db-multi-az", copy) == []
    assert said("registry-db-multi-az", single) != []
