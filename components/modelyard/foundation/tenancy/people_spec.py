"""People: which personas a team has, how people sign in, and who has left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.spec import RoleArn, Spec

HumanPersona = Literal["data-scientist", "ml-engineer", "approver", "auditor"]
Persona = Literal["data-scientist", "ml-engineer", "approver", "auditor", "pipeline"]
AUTHORS: Final[tuple[HumanPersona, ...]] = ("data-scientist", "ml-engineer")
"""Who makes what an approver approves."""

Person = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_+=,.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", max_length=64)
]
"""The name under which somebody signs in, an e-mail address; it is the name of their sessions, so at most 64 characters
of those that STS takes (STS/latest/APIReference/API_AssumeRole, RoleSessionName)."""

Reason = Annotated[str, StringConstraints(min_length=10, max_length=256)]
"""Why something unsafe must be, for whoever reads the report."""

Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
"""A day in UTC, quoted in YAML: "2026-11-20"."""


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's; directories take no notice of letter case."""
    return one.casefold() == other.casefold()


def has_left(person: str, leavers: Iterable[str]) -> bool:
    """Whether a person is among those who left."""
    return any(same_person(person, leaver) for leaver in leavers)


class IdentityCenterSpec(Spec):
    """People sign in through IAM Identity Center: a permission set for each persona, and nothing in it but its door."""

    kind: Literal["identity-center"] = Field(description="IAM Identity Center.")
    instance_arn: Annotated[
        str, StringConstraints(pattern=r"^arn:aws[a-z-]*:sso:::instance/(sso)?ins-[a-zA-Z0-9-.]{16}$")
    ] = Field(description="The ARN of the Identity Center instance.")
    identity_store_id: Annotated[str, StringConstraints(pattern=r"^d-[0-9a-f]{10}$|^[0-9a-f-]{36}$")] = Field(
        description="The id of its directory."
    )
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")] = Field(
        description="The region that the instance lives in."
    )
    access_role: RoleArn | None = Field(
        default=None,
        description=(
            "The role that the platform's deployment assumes in order to manage it: one of the organization's "
            "management account, or of a delegated administrator. Absent: the platform's account administers it."
        ),
    )
    session_hours: int = Field(
        default=1,
        ge=1,
        le=12,
        description="Hours after which people sign in again; one, since a persona's session lasts no longer.",
    )
    assign: Literal["groups", "users"] = Field(
        default="groups",
        description=(
            "`groups`: a group for each persona, so that people come and go without provisioning. `users`: each person "
            "by themselves, for a directory whose groups another system writes."
        ),
    )


class SamlSpec(Spec):
    """People sign in through a SAML provider that the account has; the provider names their sessions."""

    kind: Literal["saml"] = Field(description="A SAML provider.")
    provider: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", max_length=128)] = Field(
        description="The provider's name in IAM; in a team's own account it has the same."
    )
    audience: str = Field(
        default="https://signin.aws.amazon.com/saml",
        description="Whom the assertion is for. The sign-in page of AWS, unless the provider says otherwise.",
    )


class OidcSpec(Spec):
    """People sign in through an OpenID Connect provider that the account has; their `sub` claim is their name."""

    kind: Literal["oidc"] = Field(description="An OpenID Connect provider.")
    issuer: Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9.-]+(/[A-Za-z0-9._/-]*[A-Za-z0-9_-])?$")] = (
        Field(description="The issuer's URL, as the account's provider has it.")
    )
    audience: str = Field(min_length=1, description="The client id that tokens are for.")


class RolesSpec(Spec):
    """People come with roles that exist; whoever lets them in there names their sessions after them."""

    kind: Literal["roles"] = Field(description="Roles that exist.")
    roles: tuple[RoleArn, ...] = Field(
        min_length=1,
        max_length=10,
        description="Their ARNs. Sessions must bear the person's name: whoever chooses it freely may take another's.",
    )


SignInSpec = Annotated[IdentityCenterSpec | SamlSpec | OidcSpec | RolesSpec, Field(discriminator="kind")]
"""How people sign in; told apart by `kind`."""

Leavers = Mapping[Person, Day]
"""Who has left, and on which day."""


def named_twice(spec: Spec, path: str, people: Sequence[str]) -> Iterator[Fault]:
    """Those whom a list, at `path` of `spec`, has named before."""
    for index, person in enumerate(people):
        if any(same_person(person, other) for other in people[:index]):
            yield spec.fault(f"{path}[{index}]", "is there twice", "Remove one.", person)


def leaver_faults(spec: Spec, leavers: Leavers, today: date) -> Iterator[Fault]:
    """Days that don't exist, and days that are still to come: sessions begun before that day end.

    `spec` holds them in a field `leavers`.
    """
    for person, day in leavers.items():
        path = f"leavers.{person}"
        try:
            left = date.fromisoformat(day)
        except ValueError:
            yield spec.fault(path, "is no day", 'Write it as "2026-11-20".', day)
            continue
        if left > today:
            yield spec.fault(path, "is a day to come; what is written here works at once", "Write it then.", day)
