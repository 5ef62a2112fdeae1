"""What a team's file says about its container images, and how an image is named: by its digest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.spec import AccountId, Name, Spec

ImageDigest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
"""The digest of an image's manifest; it always means the same bytes."""

_PLACE: Final = r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/"
_REPOSITORY: Final = r"(?P<repository>[a-z0-9]+(?:[._/-][a-z0-9]+)*)"
_BY_DIGEST: Final = re.compile(rf"{_PLACE}{_REPOSITORY}@(?P<digest>sha256:[0-9a-f]{{64}})")
_BY_TAG: Final = re.compile(rf"{_PLACE}{_REPOSITORY}(:(?P<tag>[A-Za-z0-9_.-]+))?")


class RepositoryImage(Spec):
    """An image of one of the team's own repositories."""

    repository: Name = Field(description="The repository, as `images` calls it.")
    digest: ImageDigest = Field(description="The image's digest, as `docker push` and ECR show it.")


Image = Annotated[str, StringConstraints(min_length=1, max_length=512)] | RepositoryImage
"""A whole reference by digest (`<account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:…`), or an own image."""


def image_faults(spec: Spec, path: str, image: Image) -> Iterator[Fault]:
    """What is wrong with how an image is named; `spec` has it at `path`."""
    if isinstance(image, RepositoryImage) or _BY_DIGEST.fullmatch(image):
        return
    tagged = _BY_TAG.fullmatch(image)
    if tagged is None:
        yield spec.fault(
            path,
            "is no image of ECR by its digest",
            "Use <account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:<64 digits>; bring images of other "
            "registries into ECR first.",
            image,
        )
        return
    tag = tagged["tag"] or "latest"
    yield spec.fault(
        path,
        "names an image by a tag, which may mean another image tomorrow",
        f"Name its digest: aws ecr describe-images --repository-name {tagged['repository']} --image-ids "
        f"imageTag={tag} --query imageDetails[0].imageDigest",
        image,
    )


def repository_arn(image: str, partition: str = "aws") -> str:
    """The ARN of the repository that a reference by digest names."""
    found = _BY_DIGEST.fullmatch(image)
    if found is None:
        raise ValueError(f"{image} is no reference by digest")
    return f"arn:{partition}:ecr:{found['region']}:{found['account']}:repository/{found['repository']}"


class RepositorySpec(Spec):
    """One repository of images."""

    keep_images: int = Field(
        default=50,
        ge=1,
        le=1000,
        description="Newest images that stay; older ones go. Fifty: months of builds, at a few dollars a month.",
    )
    untagged_days: int = Field(
        default=14, ge=1, le=365, description="Days that an image without a tag stays: what a build left behind."
    )
    pulled_by: tuple[AccountId, ...] = Field(
        default=(),
        max_length=20,
        description="Accounts whose roles of the platform pull images, such as production's. Absent: this one alone.",
    )


class ImagesSpec(Spec):
    """The image repositories of a team."""

    repositories: dict[Name, RepositorySpec] = Field(
        default_factory=dict, max_length=50, description="Repositories by name; each costs its bytes alone."
    )

    @property
    def pulled_by(self) -> tuple[str, ...]:
        """Every account that pulls from some repository."""
        return tuple(sorted({account for each in self.repositories.values() for account in each.pulled_by}))


class CacheRuleSpec(Spec):
    """Another registry whose images ECR fetches, scans and keeps when they are first asked for."""

    upstream: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+\.[a-z]{2,}$")] = Field(
        description="The registry's host, such as public.ecr.aws, quay.io or registry-1.docker.io."
    )
    secret_arn: (
        Annotated[
            str,
            StringConstraints(
                pattern=r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:ecr-pullthroughcache/[A-Za-z0-9/_+=.@-]+$"
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="The secret with the registry's user and token, called ecr-pullthroughcache/…. Absent: none, "
        " which public.ecr.aws, quay.io and registry.k8s.io take.",
    )

    def check(self) -> Iterator[Fault]:
        """A registry that lets nobody in without a name needs a secret."""
        if self.upstream in _WITH_CREDENTIALS and self.secret_arn is None:
            yield self.fault(
                "secret_arn",
                f"is needed: {self.upstream} lets nobody in without credentials",
                'Keep user and token in a secret called "ecr-pullthroughcache/…", and name its ARN.',
            )


_WITH_CREDENTIALS: Final = ("ghcr.io", "registry-1.docker.io", "registry.gitlab.com")


class ImageCacheSpec(Spec):
    """What the whole registry of the account caches; a team can't, since a rule holds for everyone."""

    rules: dict[
        Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=20)], CacheRuleSpec
    ] = Field(
        default_factory=dict,
        max_length=50,
        description="Registries by the word that stands before their repositories here.",
    )

    @property
    def upstreams(self) -> Mapping[str, str]:
        """The hosts by their word."""
        return {word: rule.upstream for word, rule in self.rules.items()}
