"""ECR: repositories, their policies, and what the registry caches of others. Source: the ECR API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_OPEN = {"encryptionType": "AES256"}


def _create_repository(live: Live) -> dict[str, Any]:
    wanted = live.inputs
    encryption = (wanted.get("encryptionConfigurations") or [None])[0]
    return live.call(
        "create_repository",
        repositoryName=wanted["name"],
        encryptionConfiguration=encryption,
        imageTagMutability=wanted.get("imageTagMutability"),
        imageTagMutabilityExclusionFilters=wanted.get("imageTagMutabilityExclusionFilters"),
        imageScanningConfiguration=wanted.get("imageScanningConfiguration"),
        tags=[{"Key": key, "Value": value} for key, value in live.tags.items()],
    )["repository"]


def _read_repository(live: Live) -> dict[str, Any] | None:
    (found,) = live.call("describe_repositories", repositoryNames=[live.id])["repositories"]
    shown = {
        "name": found["repositoryName"],
        "arn": found["repositoryArn"],
        "registryId": found["registryId"],
        "repositoryUrl": found["repositoryUri"],
        "imageTagMutability": found["imageTagMutability"],
        "imageScanningConfiguration": found.get("imageScanningConfiguration") or {"scanOnPush": False},
        "encryptionConfigurations": [found.get("encryptionConfiguration") or _OPEN],
    }
    if found.get("imageTagMutabilityExclusionFilters"):
        shown["imageTagMutabilityExclusionFilters"] = found["imageTagMutabilityExclusionFilters"]
    return shown


def _delete_repository(live: Live) -> None:
    live.call("delete_repository", repositoryName=live.id, force=bool(live.get("forceDelete")))


REPOSITORY = Type(
    "aws:ecr/repository:Repository",
    "ecr",
    fields={
        "name": "repositoryName",
        "imageTagMutability": "imageTagMutability",
        "imageTagMutabilityExclusionFilters": "imageTagMutabilityExclusionFilters",
        "imageScanningConfiguration": "imageScanningConfiguration",
    },
    id="name",
    name=Name("name", limit=256, lower=True),
    defaults={
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfigurations": [_OPEN],
        "forceDelete": False,
    },
    computed=("arn", "registryId", "repositoryUrl"),
    create=_create_repository,
    read=_read_repository,
    update=(
        Call(
            "put_image_tag_mutability",
            {"repositoryName": "id"},
            on=("imageTagMutability", "imageTagMutabilityExclusionFilters"),
        ),
        Call("put_image_scanning_configuration", {"repositoryName": "id"}, on=("imageScanningConfiguration",)),
    ),
    delete=Step(_delete_repository),
    inert=("forceDelete",),
    tags=Tags(
        "list_tags_for_resource",
        "tag_resource",
        "untag_resource",
        {"resourceArn": "arn"},
        at="tags",
        keys="tagKeys",
        on_create="tags",
    ),
)

LIFECYCLE_POLICY = Type(
    "aws:ecr/lifecyclePolicy:LifecyclePolicy",
    "ecr",
    fields={"repository": "repositoryName", "policy": "lifecyclePolicyText", "registryId": "registryId"},
    id="repository",
    computed=("registryId",),
    create=Call("put_lifecycle_policy"),
    read=Call("get_lifecycle_policy", {"repositoryName": "id"}, fill=False),
    update=Call("put_lifecycle_policy", on=("policy",)),
    delete=Call("delete_lifecycle_policy", {"repositoryName": "id"}, fill=False),
    json=("policy",),
)

REPOSITORY_POLICY = Type(
    "aws:ecr/repositoryPolicy:RepositoryPolicy",
    "ecr",
    fields={"repository": "repositoryName", "policy": "policyText", "registryId": "registryId"},
    id="repository",
    computed=("registryId",),
    create=Call("set_repository_policy"),
    read=Call("get_repository_policy", {"repositoryName": "id"}, fill=False),
    update=Call("set_repository_policy", on=("policy",)),
    delete=Call("delete_repository_policy", {"repositoryName": "id"}, fill=False),
    json=("policy",),
)

CACHE_RULE = Type(
    "aws:ecr/pullThroughCacheRule:PullThroughCacheRule",
    "ecr",
    fields={
        "ecrRepositoryPrefix": "ecrRepositoryPrefix",
        "upstreamRegistryUrl": "upstreamRegistryUrl",
        "upstreamRepositoryPrefix": "upstreamRepositoryPrefix",
        "credentialArn": "credentialArn",
        "customRoleArn": "customRoleArn",
        "registryId": "registryId",
    },
    id="ecrRepositoryPrefix",
    computed=("registryId",),
    create=Call("create_pull_through_cache_rule"),
    read=Call(
        "describe_pull_through_cache_rules",
        {"ecrRepositoryPrefixes": ("id",)},
        take="pullThroughCacheRules.0",
        fill=False,
    ),
    update=Call("update_pull_through_cache_rule", {"ecrRepositoryPrefix": "id"}, on=("credentialArn", "customRoleArn")),
    delete=Call("delete_pull_through_cache_rule", {"ecrRepositoryPrefix": "id"}, fill=False),
    kept=("upstreamRepositoryPrefix",),
)

TYPES = (REPOSITORY, LIFECYCLE_POLICY, REPOSITORY_POLICY, CACHE_RULE)
