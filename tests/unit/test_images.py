"""Image repositories, and images that are named by their digest alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from modelyard import Context, Keys, KeysSpec, Role
from modelyard.assess.graph import Graph, record
from modelyard.build.pipelines import ImageCache, ImageCacheSpec, ImageRepositories, ImagesSpec
from modelyard.core.access import trust_service
from modelyard.core.errors import InputError, SpecError

PLATFORM = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
FRAUD = PLATFORM.for_team("fraud")
DIGEST = f"sha256:{'a' * 64}"
MADE: list[ImageRepositories] = []


def graph_of(repositories: dict[str, Any], rules: dict[str, Any] | None = None) -> Graph:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        images = ImageRepositories(
            "images", ImagesSpec.model_validate({"repositories": repositories}), context=FRAUD, keys=keys
        )
        MADE[:] = [images]
        trusted = [trust_service("lambda.amazonaws.com", context=FRAUD)]
        images.grant_pull(Role("puller", context=FRAUD, trusted=trusted, description="pulls"))
        ImageCache("cache", ImageCacheSpec.model_validate({"rules": rules or {}}), context=PLATFORM)

    return record(program, project="p", stack="s", region="eu-west-1")


def node(graph: Graph, name: str) -> Any:
    (found,) = [found for found in graph.nodes if found.name == name]
    return found


def test_a_repository_is_encrypted_scanned_and_its_tags_never_move():
    made = node(graph_of({"train": {}}), "images-train").properties
    assert made["imageTagMutability"] == "IMMUTABLE"
    assert made["imageScanningConfiguration"] == {"scanOnPush": True}
    assert made["encryptionConfigurations"][0]["encryptionType"] == "KMS"


def test_old_images_go_and_what_has_no_tag_goes_first():
    policy = json.loads(node(graph_of({"train": {"keep_images": 3}}), "images-train-lifecycle").properties["policy"])
    first, last = policy["rules"]
    assert (first["selection"]["tagStatus"], first["selection"]["countNumber"]) == ("untagged", 14)
    assert (last["selection"]["tagStatus"], last["selection"]["countNumber"]) == ("any", 3)


def test_other_accounts_pull_only_where_that_is_declared():
    graph = graph_of({"train": {"pulled_by": ["210987654321"]}, "serve": {}})
    (statement,) = json.loads(node(graph, "images-train-policy").properties["policy"])["Statement"]
    assert statement["Condition"]["ArnLike"]["aws:PrincipalArn"] == "arn:aws:iam::210987654321:role/modelyard/*"
    assert not [found for found in graph.nodes if found.name == "images-serve-policy"]


def test_an_image_is_referred_to_by_its_digest():
    graph_of({"train": {}})
    place = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-images-train"
    assert MADE[0].reference("train", DIGEST) == f"{place}@{DIGEST}"
    with pytest.raises(InputError, match="is no digest of an image.*a tag may mean another image tomorrow"):
        MADE[0].reference("train", "latest")
    with pytest.raises(InputError, match="is no repository of these. There are: train"):
        MADE[0].reference("serve", DIGEST)


def test_whoever_pulls_is_told_where():
    (found,) = json.loads(node(graph_of({"train": {}}), "puller-images-address").properties["insecureValue"])[
        "addresses"
    ]
    assert (found["kind"], found["name"]) == ("repository", "train")
    assert found["uri"].endswith("/ml-dev-fraud-images-train")


def test_what_the_registry_caches_bears_the_platforms_name():
    rule = node(graph_of({}, {"quay": {"upstream": "quay.io"}}), "cache-quay").properties
    assert rule["ecrRepositoryPrefix"] == "ml-dev-platform-cache-quay"
    assert len(rule["ecrRepositoryPrefix"]) <= 30


def test_a_registry_that_lets_nobody_in_needs_a_secret():
    with pytest.raises(SpecError, match="registry-1.docker.io lets nobody in without credentials"):
        graph_of({}, {"hub": {"upstream": "registry-1.docker.io"}})


def test_the_pages_example_runs():
    page = (Path(__file__).resolve().parents[2] / "docs" / "pipelines.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert examples
    for example in examples:
        exec(compile(example, "docs/pipelines.md", "exec"), {})
