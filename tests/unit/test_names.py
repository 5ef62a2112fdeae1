import re

from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.core.names import LIMITS, PLATFORM_TEAM, Kind, Names, short_hash

WORDS = st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True)
NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,22}[a-z0-9])?", fullmatch=True)
PARTS = st.tuples(WORDS, WORDS, NAMES.filter(lambda name: name != PLATFORM_TEAM) | st.none(), NAMES, NAMES)
SCOPE = ("acme", "123456789012", "eu-west-1")
ALPHABETS: dict[str, str] = {
    "s3-bucket": r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
    "iam-role": r"[a-z0-9-]{1,64}",
    "iam-policy": r"[a-z0-9-]{1,128}",
    "kms-alias": r"alias/[a-z0-9-]{1,250}",
    "log-group": r"/modelyard/[a-z0-9/-]{1,501}",
    "glue-database": r"[a-z0-9_]{1,255}",
    "glue-table": r"[a-z0-9_]{1,255}",
    "athena-workgroup": r"[a-z0-9-]{1,128}",
    "security-group": r"[a-z0-9-]{1,255}",
    "ssm-parameter": r"/modelyard/[a-z0-9/-]{1,1000}",
    "budget": r"[a-z0-9-]{1,100}",
    "cost-anomaly": r"[a-z0-9-]{1,1024}",
    "sagemaker": r"[a-z0-9-]{1,63}",
    "model": r"[a-z0-9](-*[a-z0-9]){0,62}",
    "promoted-model": r"[a-z0-9](-*[a-z0-9]){0,62}",
    "endpoint-config": r"[a-z0-9](-*[a-z0-9]){0,62}",
    "endpoint": r"[a-z0-9](-*[a-z0-9]){0,62}",
    "inference-component": r"[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    "scaling-policy": r"[a-z0-9-]{1,256}",
    "stack": r"[a-z][a-z0-9-]{0,127}",
    "eks-cluster": r"[a-z0-9][a-z0-9-]{0,99}",
    "eks-node-group": r"[a-z0-9][a-z0-9-]{0,62}",
    "kubernetes": r"[a-z0-9]([a-z0-9-]*[a-z0-9])?",
    "kubernetes-workload": r"[a-z0-9]([a-z0-9-]*[a-z0-9])?",
    "transform-job": r"[a-z0-9](-*[a-z0-9]){0,53}",
    "permission-set": r"[a-z0-9-]{1,32}",
    "directory-group": r"[a-z0-9-]{1,1024}",
    "trail": r"[a-z0-9-]{3,128}",
    "event-bus": r"[a-z0-9-]{1,256}",
    "event-rule": r"[a-z0-9-]{1,64}",
    "event-archive": r"[a-z0-9-]{1,48}",
    "alarm": r"[a-z0-9-]{1,255}",
    "sns-topic": r"[a-z0-9-]{1,256}",
    "queue": r"[a-z0-9-]{1,80}",
    "secret": r"[a-z0-9-]{1,512}",
    "function": r"[a-z0-9-]{1,64}",
    "schedule": r"[a-z0-9-]{1,64}",
    "glue-ruleset": r"[a-z0-9-]{1,255}",
    "kinesis-stream": r"[a-z0-9-]{1,128}",
    "firehose": r"[a-z0-9-]{1,64}",
    "state-machine": r"[a-z0-9-]{1,80}",
    "tag-name": r"[a-z0-9-]{1,256}",
    "feature-group": r"[a-z0-9](-?[a-z0-9]){0,63}",
    "dynamodb-table": r"[a-z0-9-]{3,200}",
    "processing-job": r"[a-z0-9](-*[a-z0-9]){0,53}",
    "cache": r"[a-z][a-z0-9-]{0,39}",
    "training-job": r"[a-z0-9](-*[a-z0-9]){0,53}",
    "ecr-repository": r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*",
    "image-cache": r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*",
    "data-quality-job": r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    "model-quality-job": r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    "model-bias-job": r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    "model-explainability-job": r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    "monitoring-schedule": r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    "dashboard": r"[A-Za-z0-9_-]{1,255}",
    "batch": r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}",
    "instance-profile": r"[\w+=,.@-]{1,128}",
    "launch-template": r"[a-zA-Z0-9().\-/_]{3,128}",
    "placement-group": r"[ -~]{1,255}",
    "mlflow-server": r"[a-z0-9](-*[a-z0-9]){0,255}",
    "database": r"[a-z][a-z0-9-]{0,61}[a-z0-9]",
    "database-group": r"[a-z][a-z0-9-]{0,253}[a-z0-9]",
    "database-user": r"[a-z][a-z0-9-]{0,62}",
    "ecs": r"[a-z0-9-]{1,255}",
    "load-balancer": r"(?!internal-)[a-z0-9][a-z0-9-]{0,30}[a-z0-9]",
    "rest-api": r"[a-z0-9-]{1,255}",
    "web-acl": r"[\w-]{1,128}",
}


def name_of(kind: Kind, parts: tuple[str, str, str | None, str, str], content: str | None = None) -> str:
    platform, environment, team, component, role = parts
    return Names(platform, environment, team, SCOPE).of(kind, component, role, content=content)


@settings(max_examples=300, deadline=None)
@given(parts=PARTS)
def test_a_name_keeps_to_its_services_limit_and_alphabet(parts):
    for kind in LIMITS:
        name = name_of(kind, parts)
        assert len(name) <= LIMITS[kind].length, kind
        assert re.fullmatch(ALPHABETS[kind], name), (kind, name)


@settings(max_examples=300, deadline=None)
@given(one=PARTS, other=PARTS)
def test_different_parts_never_share_a_name(one, other):
    for kind in LIMITS:
        assert (name_of(kind, one) == name_of(kind, other)) == (one == other), kind


@settings(max_examples=300, deadline=None)
@given(words=st.lists(st.from_regex(r"[a-z][a-z0-9]{0,3}", fullmatch=True), min_size=5, max_size=8), data=st.data())
def test_moving_a_hyphen_between_two_parts_makes_another_name(words, data):
    cuts = st.lists(st.integers(1, len(words) - 3), min_size=2, max_size=2, unique=True).map(sorted)

    def split() -> tuple[str, str, str, str, str]:
        first, second = data.draw(cuts)
        rest = words[2:]
        return words[0], words[1], "-".join(rest[:first]), "-".join(rest[first:second]), "-".join(rest[second:])

    one, other = split(), split()
    if all(one) and all(other):
        for kind in LIMITS:
            assert (name_of(kind, one) == name_of(kind, other)) == (one == other), kind


def test_a_name_that_looks_hashed_is_hashed_itself():
    hashed = name_of("iam-role", ("ml", "dev", "a-b", "lake", "role"))
    tail = hashed.rsplit("-", 1)[1]
    assert name_of("iam-role", ("ml", "dev", "a", "b", f"lake-role-{tail}")) != hashed


def test_a_short_name_is_its_parts_and_nothing_else():
    assert name_of("iam-role", ("ml", "dev", "fraud", "lake", "access-logs")) == "ml-dev-fraud-lake-access-logs"
    assert name_of("glue-database", ("ml", "dev", "fraud", "lake", "")) == "ml_dev_fraud_lake"


def test_a_global_name_differs_by_organization_account_and_region():
    made = {
        Names("ml", "dev", "fraud", scope).of("s3-bucket", "lake", "raw")
        for scope in (SCOPE, ("globex", *SCOPE[1:]), ("acme", "2" * 12, SCOPE[2]), (*SCOPE[:2], "us-east-1"))
    }
    assert len(made) == 4


def test_a_name_with_content_changes_with_it_and_only_with_it():
    parts = ("ml", "dev", "fraud", "score", "config")
    assert name_of("sagemaker", parts, "a") == name_of("sagemaker", parts, "a")
    assert name_of("sagemaker", parts, "a") != name_of("sagemaker", parts, "b")


def test_the_hash_is_the_same_on_every_run():
    assert short_hash("ml", "dev") == short_hash("ml", "dev")
    assert re.fullmatch(r"[0-9][a-z2-7]{4}", short_hash("ml", "dev"))
