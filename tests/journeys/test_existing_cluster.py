"""A platform on a cluster that exists: a namespace and a queue for a team, and nothing of AWS for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.journeys.conftest import ENVIRONMENT, Yard
from tests.journeys.test_gpu_cluster import operations
from tests.shipped import edit

pytestmark = pytest.mark.engine

CLUSTER = {"kind": "existing", "context": "modelyard-sandbox", "version": "1.34", "pools": {"a100": {"gpus": 8}}}
TEAM = """\
team: vision
owners: [{name: Ada Lovelace, email: ada@acme.example}]
quota:
  pools:
    a100: {gpus: 4}
environments:
  local: {}
"""


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    running = Yard(tmp_path_factory.mktemp("existing"))
    running("new", "project", ".", "--notify", "platform@acme.example")
    (running.root / ".venv").symlink_to(ENVIRONMENT)
    edit(running.root / "platform" / "platform.yaml", lambda file: file.update(cluster=CLUSTER))
    running("new", "team", "vision", "--blueprint", "batch", "--owner", "Ada Lovelace <ada@acme.example>")
    (running.root / "stacks" / "teams" / "vision.yaml").write_text(TEAM)
    running("up", "--sandbox")
    yield running
    running("sandbox", "stop")


def test_a_second_up_changes_nothing(yard: Yard):
    assert operations(yard("up", "--sandbox", "--json")) == {"platform": {}, "vision": {}}


def test_the_team_has_its_namespace_and_its_share_and_the_platform_no_cluster_of_aws(yard: Yard):
    script = """
import boto3
from kubernetes import client, config
config.load_kube_config(context="modelyard-sandbox")
quotas = client.CoreV1Api().list_namespaced_resource_quota("ml-local-vision").items
gpus = [quota.spec.hard["requests.nvidia.com/gpu"] for quota in quotas if "requests.nvidia.com/gpu" in quota.spec.hard]
print(*gpus, boto3.client("eks").list_clusters()["clusters"])
"""
    (yard.root / "look.py").write_text(script)
    assert yard.shell("python look.py").split() == ["8", "[]"], "its own four, and four that nobody else wants"


def test_a_context_that_isnt_there_is_refused_before_anything_is_touched(yard: Yard):
    file = yard.root / "platform" / "platform.yaml"
    before = file.read_text()
    edit(file, lambda said: said["cluster"].update(context="lab"))
    try:
        said = yard("up", "--sandbox", code=2)
        assert "cluster.context: got 'lab'" in said and "there are: modelyard-sandbox" in said
    finally:
        file.write_text(before)


def test_down_leaves_nothing(yard: Yard):
    yard("down", "--sandbox")
    assert "it is empty" in yard("sandbox", "status")
