import json
import re
from pathlib import Path

import pytest

from modelyard.assess.graph import Graph, record
from modelyard.build.data import DataLake, LakeSpec, data_role
from modelyard.core.access import trust_service
from modelyard.core.context import Context
from modelyard.core.document import load, parse
from modelyard.core.errors import InputError, SpecError
from modelyard.core.identity import Role
from modelyard.foundation.keys import KnownKeys

DOCS = Path(__file__).parents[2] / "docs"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
LAKE = """\
datasets:
  transactions:
    classification: confidential
    owner: fraud@acme.example
    retention_days: 400
    columns: [{name: id, type: string}, {name: amount, type: "decimal(10,2)"}]
    partitions: [{name: day, type: date}]
  clicks:
    classification: public
    owner: fraud@acme.example
    columns: [{name: id, type: string}]
"""


def context(*, production: bool = False) -> Context:
    return Context(
        organization="acme",
        platform="ml",
        environment="prod" if production else "dev",
        region="eu-west-1",
        account="123456789012",
        team="fraud",
        production=production,
    )


def made(spec: LakeSpec) -> None:
    lake = DataLake("lake", spec, context=context(), keys=KnownKeys({"default": KEY}))
    for name, access in spec.access.items():
        data_role(name, access, context=context(), lake=lake)


def spec_of(text: str) -> LakeSpec:
    return load(parse(text.encode(), "fraud.yaml"), LakeSpec)


def recorded(text: str = LAKE, act=lambda lake, role: None, *, production: bool = False) -> Graph:
    def program():
        where = context(production=production)
        lake = DataLake("lake", spec_of(text), context=where, keys=KnownKeys({"default": KEY}))
        trusted = [trust_service("sagemaker.amazonaws.com", context=where)]
        act(lake, Role("trainer", context=where, trusted=trusted, description="trains"))

    return record(program, project="p", stack="s", region="eu-west-1")


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recorded()


def granted(act) -> list[dict]:
    (policy,) = (node for node in recorded(act=act).nodes if node.name == "trainer-lake-access")
    return json.loads(policy.properties["policy"])["Statement"]


def of_type(graph: Graph, type_: str) -> dict[str, dict]:
    return {node.name: dict(node.properties) for node in graph.nodes if node.type == type_}


def test_each_zone_is_a_bucket_of_its_own_private_versioned_and_encrypted(graph):
    zones = {"lake-raw", "lake-curated", "lake-features", "lake-capture", "lake-artifacts"}
    assert set(of_type(graph, "aws:s3/bucket:Bucket")) == zones | {"lake-access-logs"}
    blocks = of_type(graph, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock").values()
    assert len(blocks) == 6
    assert all(block[key] for block in blocks for key in block if key.startswith(("block", "ignore", "restrict")))
    versioned = of_type(graph, "aws:s3/bucketVersioning:BucketVersioning")
    assert {name.removesuffix("-versioning") for name in versioned} == zones
    encryption = of_type(
        graph, "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    )
    keys = {
        name.removesuffix("-encryption"): setting["rules"][0]["applyServerSideEncryptionByDefault"].get(
            "kmsMasterKeyId"
        )
        for name, setting in encryption.items()
    }
    assert keys == {**dict.fromkeys(zones, KEY), "lake-access-logs": None}, (
        "S3 delivers access logs under its own key only"
    )


def test_nobody_comes_without_tls_and_nothing_under_another_key(graph):
    for name, policy in of_type(graph, "aws:s3/bucketPolicy:BucketPolicy").items():
        denied = {s["Sid"] for s in json.loads(policy["policy"])["Statement"] if s["Effect"] == "Deny"}
        wanted = {"OnlyByTLS", "OnlyByModernTLS"}
        assert denied == (wanted if "access-logs" in name else wanted | {"OnlyEncrypted", "OnlyWithOwnKey"})


def test_a_dataset_expires_below_its_own_prefix(graph):
    rules = of_type(graph, "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")["lake-raw-lifecycle"][
        "rules"
    ]
    expiring = {rule["filter"]["prefix"]: rule["expiration"]["days"] for rule in rules if "expiration" in rule}
    assert expiring == {"transactions/": 400}, "what has no retention stays"


def test_a_dataset_is_a_table_that_points_to_its_line(graph):
    (table,) = (node for node in graph.nodes if node.name == "lake-table-transactions")
    assert table.properties["storageDescriptor"]["location"].endswith("/transactions/")
    assert [key["name"] for key in table.properties["partitionKeys"]] == ["day"]
    assert (table.source.file, table.source.line) == ("fraud.yaml", 3)


def test_no_client_overrides_the_workgroups_settings(graph):
    (workgroup,) = of_type(graph, "aws:athena/workgroup:Workgroup").values()
    settings = workgroup["configuration"]
    assert settings["enforceWorkgroupConfiguration"] is True
    assert settings["resultConfiguration"]["encryptionConfiguration"]["kmsKeyArn"] == KEY


def test_reading_a_dataset_reaches_its_prefix_table_and_key_and_nothing_else():
    statements = granted(lambda lake, role: lake.grant_read(role, datasets=["transactions"]))
    by_action = {
        action: s for s in statements for action in (s["Action"] if isinstance(s["Action"], list) else [s["Action"]])
    }
    assert by_action["s3:GetObject"]["Resource"].endswith("/transactions/*")
    assert by_action["s3:ListBucket"]["Condition"] == {"StringLike": {"s3:prefix": ["transactions/*"]}}
    assert by_action["kms:Decrypt"]["Condition"] == {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
    tables = [arn for arn in by_action["glue:GetTable"]["Resource"] if ":table/" in arn]
    assert tables == ["arn:aws:glue:eu-west-1:123456789012:table/ml_dev_fraud_lake/transactions"]
    assert not {"s3:PutObject", "kms:GenerateDataKey", "glue:CreatePartition"} & set(by_action)


def test_writing_a_dataset_does_not_let_it_be_read():
    statements = granted(lambda lake, role: lake.grant_write(role, datasets=["clicks"]))
    actions = {a for s in statements for a in (s["Action"] if isinstance(s["Action"], list) else [s["Action"]])}
    assert "s3:PutObject" in actions
    assert "s3:GetObject" not in actions


def test_a_grant_never_speaks_of_every_resource():
    def everything(lake, role):
        lake.grant_read(role)
        lake.grant_write(role)
        lake.grant_query(role)
        lake.zone("features").grant_write(role)

    assert all("*" not in (s["Resource"], *s["Resource"][:1]) for s in granted(everything))


def test_production_data_is_kept_unless_it_is_public():
    kept = {
        node.name: node.options.get("protect")
        for node in recorded(production=True).nodes
        if node.type == "aws:s3/bucket:Bucket"
    }
    assert kept["lake-raw"] is True
    public = LAKE.replace("confidential", "public")
    loose = {node.name: node for node in recorded(public, production=True).nodes}
    assert not loose["lake-raw"].options.get("protect")
    assert loose["lake-raw"].properties["forceDestroy"] is False


def test_outside_production_a_destroy_takes_the_content_along(graph):
    assert all(bucket["forceDestroy"] for bucket in of_type(graph, "aws:s3/bucket:Bucket").values())


def test_a_grant_on_a_dataset_that_is_not_there_names_those_that_are():
    with pytest.raises(InputError, match=r"'sales'.*It has transactions, clicks"):
        recorded(act=lambda lake, role: lake.grant_read(role, datasets=["sales"]))


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("datasets:\n", "zones: {raw: {}}\ndatasets:\n", "zones: lacks the zone that keeps query results"),
        ("    retention_days: 400", "    zone: lab", "datasets.transactions.zone: got 'lab'"),
        ("[{name: day, type: date}]", "[{name: id, type: date}]", "stands already at columns[0].name"),
        ('{name: amount, type: "decimal(10,2)"}', "{name: amount, type: money}", "columns[1].type: got 'money'"),
        ("retention_days: 400", "retention_days: 0", "retention_days: got 0; must be 1 or more"),
        ("owner: fraud@acme.example\n    retention", "owner: nobody\n    retention", "owner: got 'nobody'"),
        ("datasets:\n", "access: {a: {service: glue, read: [x]}}\ndatasets:\n", "access.a.read[0]: got 'x'"),
    ],
)
def test_a_faulty_lake_is_refused_where_it_is_wrong(written: str, instead: str, said: str):
    with pytest.raises(SpecError) as caught:
        spec_of(LAKE.replace(written, instead, 1))
    assert said in str(caught.value)


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", (DOCS / "data.md").read_text(), re.DOTALL))
def test_what_the_page_shows_is_a_lake(block: str):
    body = "".join(line.removeprefix("  ") for line in block.splitlines(keepends=True)[1:])
    assert record(lambda: made(spec_of(body)), project="p", stack="s", region="eu-west-1").nodes
