"""Repositories of container images on ECR, and what the account's registry caches of others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

import pulumi
import pulumi_aws as aws
from pydantic import TypeAdapter, ValidationError

from modelyard.build.pipelines.images import ImageCacheSpec, ImageDigest, ImagesSpec, RepositorySpec
from modelyard.core import access
from modelyard.core.access import Grantee, PendingAddress, Principal, Statement, address, identity_of
from modelyard.core.actions import PULL_IMAGES
from modelyard.core.addresses import RepositoryAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError
from modelyard.foundation.keys import KeysLike

_PUSH: Final = (
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
_LOG_IN: Final = Statement(("ecr:GetAuthorizationToken",), ("*",))
_IMPORT: Final = ("ecr:BatchImportUpstreamImage", "ecr:CreateRepository")


class ImageRepositories(Component):
    """A repository per kind of image: encrypted, scanned when pushed to, and no tag ever means another image."""

    CAPABILITY = "pipelines"

    def __init__(
        self,
        name: str,
        spec: ImagesSpec,
        *,
        context: Context,
        keys: KeysLike,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self._key = keys.arn("images")
        self.repositories = {each: self._repository(each, known) for each, known in spec.repositories.items()}
        self.register_outputs({"repositories": {each: self.uri(each) for each in spec.repositories}})

    def uri(self, name: str) -> str:
        """Where images of the repository called `name` are pushed to and pulled from, without tag or digest."""
        (known,) = self._known([name])
        suffix = "amazonaws.com.cn" if self.context.partition == "aws-cn" else "amazonaws.com"
        registry = f"{self.context.account}.dkr.ecr.{self.context.region}.{suffix}"
        return f"{registry}/{self.physical('ecr-repository', known)}"

    def reference(self, name: str, digest: str) -> str:
        """The image of this digest in the repository called `name`, as jobs and endpoints take it.

        Raises `InputError` for a repository that isn't there, and for a tag.
        """
        place = self.uri(name)
        try:
            known = TypeAdapter[str](ImageDigest).validate_python(digest)
        except ValidationError:
            where = self.written.at(f"repositories.{name}")
            remedy = "Use sha256: and 64 digits, as `docker push` shows it; a tag may mean another image tomorrow."
            raise InputError(Fault("is no digest of an image", remedy, where, digest)) from None
        return f"{place}@{known}"

    def grant_pull(self, grantee: Grantee, *, repositories: Sequence[str] | None = None) -> None:
        """Let `grantee` pull images. Absent: of all repositories."""
        self._grant(grantee, "pull", repositories, PULL_IMAGES)

    def grant_push(self, grantee: Grantee, *, repositories: Sequence[str] | None = None) -> None:
        """Let `grantee` push images, and pull what it builds upon. Absent: of all repositories."""
        self._grant(grantee, "push", repositories, (*PULL_IMAGES, *_PUSH))

    def _grant(
        self, grantee: Grantee, intent: str, repositories: Sequence[str] | None, actions: tuple[str, ...]
    ) -> None:
        chosen = self._known(repositories)
        places = tuple(self.context.arn("ecr", f"repository/{self.physical('ecr-repository', n)}") for n in chosen)
        statements = [Statement(actions, places), _LOG_IN] if chosen else []
        found: list[PendingAddress] = [address(RepositoryAddress, name=each, uri=self.uri(each)) for each in chosen]
        identity_of(grantee).allow(self, intent, statements, found)

    def _repository(self, name: str, spec: RepositorySpec) -> aws.ecr.Repository:
        made = aws.ecr.Repository(
            self.written_at(name, spec.source()),
            name=self.physical("ecr-repository", name),
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": self._key}],
            force_delete=not self.context.production,
            opts=self.options(protect=self.context.production),
        )
        aws.ecr.LifecyclePolicy(
            self.named(f"{name}-lifecycle"),
            repository=made.name,
            policy=json.dumps({"rules": _lifecycle(spec)}),
            opts=self.options(),
        )
        if spec.pulled_by:
            aws.ecr.RepositoryPolicy(
                self.written_at(f"{name}-policy", spec.source("pulled_by")),
                repository=made.name,
                policy=access.policy_json(self._pulls(spec)),
                opts=self.options(),
            )
        return made

    def _pulls(self, spec: RepositorySpec) -> list[Statement]:
        """Lets roles of the platform's names in other accounts pull (AmazonECR/latest/userguide/repository-policies).

        A repository's policy names no resource: it is about the one that has it.
        """
        partition = self.context.partition
        return [
            Statement(
                PULL_IMAGES,
                (),
                {"ArnLike": {"aws:PrincipalArn": f"arn:{partition}:iam::{account}:role/modelyard/*"}},
                principal=Principal.account(account, partition),
                sid=f"Account{account}Pulls",
            )
            for account in sorted(set(spec.pulled_by))
        ]

    def _known(self, repositories: Sequence[str] | None) -> list[str]:
        """The names sorted, absent all of them. Raises `InputError` with every one that isn't there."""
        chosen = sorted(self.spec.repositories if repositories is None else repositories)
        unknown = [name for name in chosen if name not in self.spec.repositories]
        if unknown:
            has = ", ".join(self.spec.repositories) or "none"
            where = self.written.at("repositories")
            raise InputError(*(Fault("is no repository of these", f"There are: {has}.", where, n) for n in unknown))
        return chosen


class ImageCache(Component):
    """What the account's registry fetches of other registries: rules of the platform's, since they hold for everyone.

    What was fetched lies in repositories of the platform's names, which every team's jobs may pull from. Fetching an
    image for the first time makes its repository, which only those may do whom `grant_import` names.
    """

    CAPABILITY = "pipelines"

    def __init__(
        self,
        name: str,
        spec: ImageCacheSpec,
        *,
        context: Context,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self.prefixes = {word: self.physical("image-cache", word) for word in spec.rules}
        """What stands before an upstream's repositories here, by its word."""
        for word, rule in spec.rules.items():
            aws.ecr.PullThroughCacheRule(
                self.written_at(word, rule.source()),
                ecr_repository_prefix=self.prefixes[word],
                upstream_registry_url=rule.upstream,
                credential_arn=rule.secret_arn,
                opts=self.options(),
            )
        self.register_outputs({"prefixes": self.prefixes})

    def grant_import(self, grantee: Grantee) -> None:
        """Let `grantee` pull what isn't cached yet, which makes a repository for it."""
        places = tuple(self.context.arn("ecr", f"repository/{prefix}/*") for prefix in self.prefixes.values())
        statements = [Statement((*PULL_IMAGES, *_IMPORT), places), _LOG_IN] if places else []
        identity_of(grantee).allow(self, "import", statements)


def _lifecycle(spec: RepositorySpec) -> list[dict[str, object]]:
    """Source: AmazonECR/latest/userguide/lifecycle_policy_parameters; lower numbers go first."""
    untagged = {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": spec.untagged_days,
    }
    newest = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": spec.keep_images}
    return [
        {
            "rulePriority": 1,
            "description": f"Untagged for {spec.untagged_days} days",
            "selection": untagged,
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "description": f"All but the newest {spec.keep_images}",
            "selection": newest,
            "action": {"type": "expire"},
        },
    ]
