import json

import pulumi_aws as aws
import pytest

from modelyard.assess.graph import Graph, record
from modelyard.core import access
from modelyard.core.access import Principal, Statement, address, identity_of, trust_service
from modelyard.core.addresses import BucketAddress
from modelyard.core.component import Component
from modelyard.core.context import Context
from modelyard.core.errors import AccessError, InputError
from modelyard.core.identity import Role

CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
POLICY = "aws:iam/rolePolicy:RolePolicy"
MANAGED = "aws:iam/policy:Policy"


class Thing(Component):
    CAPABILITY = "thing"

    def __init__(self, name: str, **options):
        super().__init__(name, None, context=CONTEXT, **options)
        self.bucket = aws.s3.Bucket(self.named("raw"), bucket=self.physical("s3-bucket", "raw"), opts=self.options())

    def grant(self, grantee, intent: str = "read", resources: int = 3) -> None:
        arns = tuple(f"arn:aws:s3:::ml-dev-fraud-{self.component}-{number}/*" for number in range(resources))
        identity_of(grantee).allow(
            self,
            intent,
            [Statement((f"s3:{intent.title()}Object",), arns)],
            [address(BucketAddress, name=self.component, bucket=self.bucket.bucket, key_arn="arn:key")],
        )


def role(name: str = "trainer") -> Role:
    trusted = [trust_service("sagemaker.amazonaws.com", context=CONTEXT)]
    return Role(name, context=CONTEXT, trusted=trusted, description="trains")


def graph_of(program) -> Graph:
    return record(program, project="p", stack="s", region="eu-west-1")


def by_name(graph: Graph, type_: str) -> dict[str, dict]:
    return {node.name: dict(node.properties) for node in graph.nodes if node.type == type_}


def test_intents_of_one_thing_merge_into_one_policy():
    def program():
        trainer, lake = role(), Thing("lake")
        lake.grant(trainer, "get")
        lake.grant(trainer, "put")

    policies = by_name(graph_of(program), POLICY)
    assert set(policies) == {"trainer-lake-access", "trainer-addresses-access"}
    statements = json.loads(policies["trainer-lake-access"]["policy"])["Statement"]
    assert [statement["Action"] for statement in statements] == [["s3:GetObject", "s3:PutObject"]]


def test_a_grant_on_one_thing_never_rewrites_anothers():
    def program(things: int):
        def run():
            trainer = role()
            for number in range(things):
                Thing(f"lake{number}").grant(trainer)

        return run

    before, after = (by_name(graph_of(program(things)), POLICY) for things in (3, 4))
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"trainer-lake3-access"}


def test_forty_grants_on_one_role_fit_inline_first_and_then_in_managed_policies():
    def program():
        trainer = role()
        for number in range(40):
            Thing(f"lake{number:02}").grant(trainer, resources=8)

    graph = graph_of(program)
    inline, managed = by_name(graph, POLICY), by_name(graph, MANAGED)
    lengths = [len(policy["policy"]) for policy in inline.values()]
    assert sum(lengths) <= access.INLINE_TOTAL
    assert managed, "forty grants are more than fit inline"
    assert all(len(policy["policy"]) <= access.MANAGED_LENGTH for policy in managed.values())
    assert len(managed) <= access.MANAGED_ATTACHED
    granted = "".join(policy["policy"] for policy in (*inline.values(), *managed.values()))
    assert all(f"ml-dev-fraud-lake{number:02}-7/*" in granted for number in range(40)), "no grant is lost"
    attached = [node for node in graph.nodes if node.type == "aws:iam/rolePolicyAttachment:RolePolicyAttachment"]
    assert len(attached) == len(managed)


def test_a_grant_longer_than_any_policy_is_divided_between_several():
    def program():
        trainer, lake = role(), Thing("lake")
        for more, intent in enumerate(("get", "put", "delete", "list")):
            lake.grant(trainer, intent, resources=90 + more)

    managed = by_name(graph_of(program), MANAGED)
    assert len(managed) > 1
    assert all(len(policy["policy"]) <= access.MANAGED_LENGTH for policy in managed.values())
    granted = "".join(policy["policy"] for policy in managed.values())
    assert all(f"s3:{intent}Object" in granted for intent in ("Get", "Put", "Delete", "List")), "nothing is lost"


def test_grants_that_no_role_can_hold_are_an_error_that_names_them():
    def program():
        trainer = role()
        for number in range(40):
            Thing(f"lake{number:02}").grant(trainer, resources=60)

    with pytest.raises(AccessError, match=r"lake\d\d \(read\)"):
        graph_of(program)


def test_one_grant_that_fits_nowhere_is_an_error_that_names_it():
    def program():
        trainer = role()
        Thing("lake").grant(trainer, resources=400)

    with pytest.raises(AccessError, match=r"lake \(read\)"):
        graph_of(program)


def test_a_grant_inside_apply_is_refused():
    def program():
        trainer, lake = role(), Thing("lake")
        lake.bucket.arn.apply(lambda _: lake.grant(trainer))

    with pytest.raises(AccessError, match="never inside apply"):
        graph_of(program)


def test_an_address_reaches_the_grantee_below_its_own_path():
    def program():
        Thing("lake").grant(role())

    (parameter,) = by_name(graph_of(program), "aws:ssm/parameter:Parameter").values()
    assert parameter["name"] == "/modelyard/ml/dev/fraud/trainer/lake"
    assert json.loads(parameter["insecureValue"])["addresses"][0]["bucket"].startswith("ml-dev-fraud-lake-raw-")


def test_a_role_lies_below_its_owners_path_and_carries_the_boundary():
    boundary = "arn:aws:iam::123456789012:policy/boundary"

    def program():
        context = CONTEXT.for_team("fraud", boundary=boundary)
        Role(
            "trainer", context=context, trusted=[trust_service("glue.amazonaws.com", context=context)], description="x"
        )

    (made,) = by_name(graph_of(program), "aws:iam/role:Role").values()
    assert made["path"] == "/modelyard/ml/dev/fraud/"
    assert made["permissionsBoundary"] == boundary
    trust = json.loads(made["assumeRolePolicy"])["Statement"][0]
    assert trust["Condition"]["StringEquals"]["aws:SourceAccount"] == CONTEXT.account


def test_an_allowance_never_speaks_of_everyone():
    with pytest.raises(ValueError, match="only a denial"):
        Statement(("s3:GetObject",), ("*",), principal=Principal.everyone())


def test_a_transform_changes_one_child_and_the_graph_says_so():
    def transformed(arguments, options):
        return {**arguments, "force_destroy": True}, options

    graph = graph_of(lambda: Thing("lake", transform={"raw": transformed}) and None)
    (bucket,) = (node for node in graph.nodes if node.name == "lake-raw")
    assert bucket.properties["forceDestroy"] is True
    assert "force_destroy" in bucket.transformed or "forceDestroy" in bucket.transformed


def test_a_transform_of_no_child_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match='Did you mean "raw"'):
        graph_of(lambda: Thing("lake", transform={"rwa": lambda arguments, options: (arguments, options)}) and None)


def test_reserved_tags_win_over_the_users():
    def program():
        thing = Thing("lake")
        aws.s3.Bucket("lake-extra", tags={"team": "other", "colour": "red"}, opts=thing.options())

    (extra,) = (node for node in graph_of(program).nodes if node.name == "lake-extra")
    assert extra.properties["tags"]["team"] == "fraud"
    assert extra.properties["tags"]["colour"] == "red"
