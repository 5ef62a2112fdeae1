"""CI systems whose runs AWS takes for what they say they are, and the runs that a team names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.spec import Spec
from modelyard.foundation.tenancy.people_spec import Reason

STS: Final = "sts.amazonaws.com"
_PART = r"[A-Za-z0-9_.-]+"
Thumbprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{40}$")]
Issuer = Annotated[
    str, StringConstraints(pattern=r"^https://[A-Za-z0-9.-]+(/[A-Za-z0-9._/-]*[A-Za-z0-9_-])?$", max_length=255)
]
"""An https URL without port, query and slash at its end, as IAM takes it (API_CreateOpenIDConnectProvider)."""


class _Issuer(Spec):
    audience: str = Field(
        default=STS, min_length=1, max_length=255, description="Whom tokens are for: AWS's token service."
    )
    exists: bool = Field(
        default=False,
        description="Whether the account has this provider already: it takes one of each issuer. Off: we make it.",
    )
    thumbprints: tuple[Thumbprint, ...] = Field(
        default=(),
        max_length=5,
        description="SHA-1 of the certificates of a private authority. Absent: AWS's own list of authorities.",
    )


class GitHubCi(_Issuer):
    """GitHub Actions, of github.com or of an Enterprise server."""

    issuer: Issuer = Field(
        default="https://token.actions.githubusercontent.com",
        description="github.com's; an Enterprise server's is https://HOST/_services/token.",
    )
    owners: tuple[Annotated[str, StringConstraints(pattern=rf"^{_PART}$")], ...] = Field(
        min_length=1, description="Organizations and users whose repositories teams may name."
    )


class GitLabCi(_Issuer):
    """GitLab CI, of gitlab.com or of a server of one's own."""

    issuer: Issuer = Field(default="https://gitlab.com", description="The server's URL.")
    groups: tuple[Annotated[str, StringConstraints(pattern=rf"^{_PART}(/{_PART})*$")], ...] = Field(
        min_length=1, description="Groups whose projects teams may name."
    )


class JenkinsCi(_Issuer):
    """Jenkins with the OpenID Connect provider plugin."""

    issuer: Issuer = Field(description="The issuer, such as https://ci.example.com/oidc.")
    folders: tuple[Annotated[str, StringConstraints(pattern=rf"^https://{_PART}(:[0-9]+)?/[^*?\s]*/$")], ...] = Field(
        min_length=1, description="URLs of folders whose jobs teams may name, such as https://ci.example.com/job/ml/."
    )


class CiSpec(Spec):
    """The CI systems that each account trusts to say which of their runs is asking."""

    github: GitHubCi | None = Field(default=None, description="GitHub Actions. Absent: not trusted.")
    gitlab: GitLabCi | None = Field(default=None, description="GitLab CI. Absent: not trusted.")
    jenkins: JenkinsCi | None = Field(default=None, description="Jenkins. Absent: not trusted.")


class _Run(Spec):
    wildcard_because: Reason | None = Field(
        default=None,
        description="Why a branch, tag or environment holds a wildcard (`*`, `?`). Absent: none does.",
    )

    def _wild(self) -> Iterator[tuple[str, str]]:
        """Fields that may hold wildcards, with what they say."""
        for field in ("environment", "branch", "tag"):
            value = getattr(self, field, None)
            if value is not None and set(value) & set("*?"):
                yield field, value

    @property
    def is_pattern(self) -> bool:
        """Whether the subject holds wildcards."""
        return any(True for _ in self._wild())

    def _wildcard_faults(self) -> Iterator[Fault]:
        for field, value in self._wild():
            if self.wildcard_because is None:
                yield self.fault(
                    field,
                    "lets in whatever somebody calls a branch, a tag or an environment",
                    'Name one, or say why under "wildcard_because".',
                    value,
                )
        if self.wildcard_because is not None and not self.is_pattern:
            yield self.fault("wildcard_because", "explains a wildcard that isn't there", "Take it away.")

    def _exactly_one(self, *fields: str) -> Iterator[Fault]:
        given = [field for field in fields if getattr(self, field) is not None]
        if len(given) != 1:
            names = ", ".join(f'"{field}"' for field in fields)
            problem = "lets in every run of the repository" if not given else "is named by more than one of its parts"
            yield self.fault("", problem, f"Give exactly one of {names}.", ", ".join(given) or None)


class GitHubRun(_Run):
    """Runs of GitHub Actions in one repository: of an environment, a branch, or a tag."""

    kind: Literal["github"] = Field(description="GitHub Actions.")
    repository: Annotated[str, StringConstraints(pattern=rf"^{_PART}/{_PART}$")] = Field(
        description="OWNER/NAME, as GitHub spells it; never a wildcard."
    )
    environment: Annotated[str, StringConstraints(pattern=r"^[^\s:/]+$")] | None = Field(
        default=None,
        description="A deployment environment: the safest, since its own rules say who may reach it.",
    )
    branch: Annotated[str, StringConstraints(pattern=r"^[^\s:]+$")] | None = Field(
        default=None, description="A branch; only for jobs that name no environment."
    )
    tag: Annotated[str, StringConstraints(pattern=r"^[^\s:]+$")] | None = Field(
        default=None, description="A tag; only for jobs that name no environment."
    )

    @property
    def place(self) -> str:
        """What must lie below one of the issuer's `owners`."""
        return self.repository

    @property
    def subject(self) -> str:
        """The `sub` claim (docs.github.com, OpenID Connect reference)."""
        if self.environment is not None:
            return f"repo:{self.repository}:environment:{self.environment}"
        if self.branch is not None:
            return f"repo:{self.repository}:ref:refs/heads/{self.branch}"
        return f"repo:{self.repository}:ref:refs/tags/{self.tag}"

    def check(self) -> Iterator[Fault]:
        """One part of the repository, and no wildcard by accident."""
        yield from self._exactly_one("environment", "branch", "tag")
        yield from self._wildcard_faults()


class GitLabRun(_Run):
    """Runs of GitLab CI in one project: of a branch, or a tag."""

    kind: Literal["gitlab"] = Field(description="GitLab CI.")
    project: Annotated[str, StringConstraints(pattern=rf"^{_PART}(/{_PART})+$")] = Field(
        description="GROUP/PROJECT, subgroups included; never a wildcard."
    )
    branch: Annotated[str, StringConstraints(pattern=r"^[^\s:]+$")] | None = Field(
        default=None, description="A branch; protect it."
    )
    tag: Annotated[str, StringConstraints(pattern=r"^[^\s:]+$")] | None = Field(
        default=None, description="A tag; protect it."
    )

    @property
    def place(self) -> str:
        """What must lie below one of the issuer's `groups`."""
        return self.project

    @property
    def subject(self) -> str:
        """The `sub` claim (docs.gitlab.com, ci/secrets/id_token_authentication)."""
        kind, ref = ("branch", self.branch) if self.branch is not None else ("tag", self.tag)
        return f"project_path:{self.project}:ref_type:{kind}:ref:{ref}"

    def check(self) -> Iterator[Fault]:
        """One ref, and no wildcard by accident."""
        yield from self._exactly_one("branch", "tag")
        yield from self._wildcard_faults()


class JenkinsRun(Spec):
    """Runs of one Jenkins job; each branch of a multibranch pipeline is a job of its own."""

    kind: Literal["jenkins"] = Field(description="Jenkins.")
    job: Annotated[str, StringConstraints(pattern=r"^https://[^\s*?]+/job/[^\s*?]+/$")] = Field(
        description="The job's URL, with the slash at its end; never a wildcard."
    )

    is_pattern: ClassVar[bool] = False
    wildcard_because: ClassVar[None] = None

    @property
    def place(self) -> str:
        """What must lie below one of the issuer's `folders`."""
        return self.job

    @property
    def subject(self) -> str:
        """The `sub` claim (plugins.jenkins.io, oidc-provider)."""
        return self.job


CiRun = Annotated[GitHubRun | GitLabRun | JenkinsRun, Field(discriminator="kind")]
"""Runs of a CI system; told apart by `kind`."""
