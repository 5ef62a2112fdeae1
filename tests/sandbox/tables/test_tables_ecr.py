"""Image repositories, their policies, and the registry's cache rules through their whole life."""

from __future__ import annotations

import json
from typing import Any

import pytest

REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
POLICY = "aws:ecr/repositoryPolicy:RepositoryPolicy"
CACHE = "aws:ecr/pullThroughCacheRule:PullThroughCacheRule"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf"


def rule(priority: int, **selection: Any) -> dict[str, Any]:
    return {"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}


def keeping(count: int) -> str:
    return json.dumps({"rules": [rule(1, tagStatus="any", countType="imageCountMoreThan", countNumber=count)]})


def opened_to(account: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "ecr:BatchGetImage",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def pushed(cloud: Any) -> None:
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": []}
    cloud.client("ecr").put_image(repositoryName="train", imageManifest=json.dumps(manifest), imageTag="1")


def test_a_repository_lives_and_dies(cloud: Any) -> None:
    repository = cloud.make(
        REPOSITORY,
        name="train",
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfigurations=[{"encryptionType": "KMS", "kmsKey": KEY}],
        tags={"team": "fraud"},
    )
    assert repository["arn"] == "arn:aws:ecr:eu-west-1:123456789012:repository/train"
    assert repository["repositoryUrl"] == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/train"
    repository.update(imageScanningConfiguration={"scanOnPush": False})
    repository.update(imageTagMutability="MUTABLE")
    repository.update(tags={"team": "churn"})
    repository.imported("train")
    repository.delete()


def test_another_name_or_encryption_replaces_a_repository(cloud: Any) -> None:
    repository = cloud.make(REPOSITORY, name="train")
    assert repository.forecast(name="other").replaces == {"name"}
    encrypted = [{"encryptionType": "KMS", "kmsKey": KEY}]
    assert repository.forecast(encryptionConfigurations=encrypted).replaces == {"encryptionConfigurations"}


def test_a_repository_with_images_stays_unless_it_is_forced(cloud: Any) -> None:
    repository = cloud.make(REPOSITORY, name="train")
    pushed(cloud)
    assert "cannot be deleted because it still contains images" in cloud.refuses_to_delete(repository)
    repository.update(forceDelete=True)
    repository.delete()


def test_a_repository_that_somebody_deleted_is_found_gone(cloud: Any) -> None:
    repository = cloud.make(REPOSITORY, name="train")
    cloud.client("ecr").delete_repository(repositoryName="train")
    assert repository.read() is None


def test_what_somebody_switched_off_is_found(cloud: Any) -> None:
    repository = cloud.make(REPOSITORY, name="train", imageScanningConfiguration={"scanOnPush": True})
    cloud.client("ecr").put_image_scanning_configuration(
        repositoryName="train", imageScanningConfiguration={"scanOnPush": False}
    )
    found = repository.read()
    assert found is not None and found.state["imageScanningConfiguration"] == {"scanOnPush": False}


def test_a_name_is_taken_once_and_has_small_letters(cloud: Any) -> None:
    cloud.make(REPOSITORY, name="train")
    assert "already exists" in cloud.refused(REPOSITORY, name="train")
    with pytest.raises(AssertionError, match="does not match"):
        cloud.make(REPOSITORY, name="Train")
    with pytest.raises(AssertionError, match="kmsKey is for encryptionType KMS"):
        cloud.make(REPOSITORY, name="other", encryptionConfigurations=[{"encryptionType": "AES256", "kmsKey": KEY}])


def test_a_lifecycle_policy_lives_and_dies(cloud: Any) -> None:
    cloud.make(REPOSITORY, name="train")
    policy = cloud.make(LIFECYCLE, repository="train", policy=keeping(10))
    policy.update(policy=keeping(5))
    assert policy.forecast(repository="other").replaces == {"repository"}
    policy.delete()


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([rule(1, tagStatus="any"), rule(2, tagStatus="untagged")], "must have the highest rulePriority"),
        ([rule(1, tagStatus="any"), rule(2, tagStatus="any")], "more than one rule selects tagStatus any"),
        ([rule(1, tagStatus="untagged"), rule(1, tagStatus="any")], "two rules have the same rulePriority"),
    ],
)
def test_rules_that_exclude_each_other_are_refused(cloud: Any, rules: list[Any], message: str) -> None:
    cloud.make(REPOSITORY, name="train")
    with pytest.raises(AssertionError, match=message):
        cloud.make(LIFECYCLE, repository="train", policy=json.dumps({"rules": rules}))


def test_a_repositorys_policy_lives_and_dies(cloud: Any) -> None:
    cloud.make(REPOSITORY, name="train")
    policy = cloud.make(POLICY, repository="train", policy=opened_to("210987654321"))
    policy.update(policy=opened_to("333333333333"))
    assert policy.forecast(repository="other").replaces == {"repository"}
    policy.delete()


def test_a_cache_rule_lives_and_dies(cloud: Any) -> None:
    made = cloud.make(
        CACHE, ecrRepositoryPrefix="hub", upstreamRegistryUrl="registry-1.docker.io", credentialArn=SECRET
    )
    made.update(credentialArn=SECRET.replace("hub", "other"))
    assert made.forecast(upstreamRegistryUrl="quay.io").replaces == {"upstreamRegistryUrl"}
    assert "exists" in cloud.refused(CACHE, ecrRepositoryPrefix="hub", upstreamRegistryUrl="quay.io")
    made.delete()


def test_a_registry_with_a_door_needs_credentials_for_its_cache(cloud: Any) -> None:
    cloud.make(CACHE, ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    with pytest.raises(AssertionError, match="takes nobody without a credentialArn"):
        cloud.make(CACHE, ecrRepositoryPrefix="hub", upstreamRegistryUrl="registry-1.docker.io")
    with pytest.raises(AssertionError, match="at most 30"):
        cloud.make(CACHE, ecrRepositoryPrefix="q" * 31, upstreamRegistryUrl="quay.io")
