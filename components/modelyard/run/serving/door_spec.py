"""What a team's file says about an endpoint's public door: what may be asked, by whom, how often, and how much."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.spec import LogDays, RoleArn, Spec

FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
"""What a field of a request is called: letters, digits and underscores."""
HttpsUrl = Annotated[str, StringConstraints(pattern=r"^https://[^\s?#@]+$", max_length=512)]
"""An address over TLS, without query, fragment or user."""
Word = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$", max_length=256)]
"""Visible ASCII without spaces, quotes and backslashes."""

MOST_INSPECTED_KIB: Final = 64
"""Of a body, what WAF sees at most. Source: waf/latest/developerguide/web-acl-setting-body-inspection-limit."""
WINDOW_SECONDS: Final = 300
"""Over which requests of one address are counted."""


class NumberField(Spec):
    """Any number."""

    kind: Literal["number"] = Field(description="A number, with or without decimals.")
    minimum: float | None = Field(default=None, description="The least that passes. Absent: any.")
    maximum: float | None = Field(default=None, description="The most that passes. Absent: any.")
    required: bool = Field(default=True, description="Whether a request without it is refused.")

    def check(self) -> Iterator[Fault]:
        """A range that nothing lies in."""
        yield from _empty_range(self, self.minimum, self.maximum)

    def as_json_schema(self) -> dict[str, Any]:
        """The field in JSON schema, draft 4."""
        return _given(type="number", minimum=self.minimum, maximum=self.maximum)


class IntegerField(Spec):
    """A whole number."""

    kind: Literal["integer"] = Field(description="A whole number.")
    minimum: int | None = Field(default=None, description="The least that passes. Absent: any.")
    maximum: int | None = Field(default=None, description="The most that passes. Absent: any.")
    required: bool = Field(default=True, description="Whether a request without it is refused.")

    def check(self) -> Iterator[Fault]:
        """A range that nothing lies in."""
        yield from _empty_range(self, self.minimum, self.maximum)

    def as_json_schema(self) -> dict[str, Any]:
        """The field in JSON schema, draft 4."""
        return _given(type="integer", minimum=self.minimum, maximum=self.maximum)


class TextField(Spec):
    """A text."""

    kind: Literal["text"] = Field(description="A text.")
    max_length: int = Field(default=256, ge=1, le=65_536, description="Characters at most. A bound must stand: 256.")
    choices: tuple[str, ...] = Field(
        default=(), max_length=256, description="The only texts that pass. Absent: any of that length."
    )
    pattern: str | None = Field(
        default=None, max_length=512, description="A regular expression that is found in the text. Absent: any text."
    )
    required: bool = Field(default=True, description="Whether a request without it is refused.")

    def check(self) -> Iterator[Fault]:
        """Choices that repeat or can't pass, and a pattern that is none."""
        if len(set(self.choices)) < len(self.choices):
            yield self.fault("choices", "names a text twice", "Name each once.", list(self.choices))
        for index, choice in enumerate(self.choices):
            if len(choice) > self.max_length:
                remedy = f'Raise "max_length" to {len(choice)}, or shorten it.'
                yield self.fault(f"choices[{index}]", f"is longer than {self.max_length} characters", remedy, choice)
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as error:
                yield self.fault("pattern", f"is no regular expression: {error}", "Correct it.", self.pattern)

    def as_json_schema(self) -> dict[str, Any]:
        """The field in JSON schema, draft 4."""
        choices = list(self.choices) or None
        return _given(type="string", maxLength=self.max_length, enum=choices, pattern=self.pattern)


class BooleanField(Spec):
    """True or false."""

    kind: Literal["boolean"] = Field(description="True or false.")
    required: bool = Field(default=True, description="Whether a request without it is refused.")

    def as_json_schema(self) -> dict[str, Any]:
        """The field in JSON schema, draft 4."""
        return {"type": "boolean"}


class ListField(Spec):
    """Several values of one kind."""

    kind: Literal["list"] = Field(description="Values of one kind, such as an embedding.")
    of: Literal["number", "integer", "boolean"] = Field(description="What the values are.")
    required: bool = Field(default=True, description="Whether a request without it is refused.")

    def as_json_schema(self) -> dict[str, Any]:
        """The field in JSON schema, draft 4; how many values there are is nothing that an import checks."""
        return {"type": "array", "items": {"type": self.of}}


RequestField = Annotated[NumberField | IntegerField | TextField | BooleanField | ListField, Field(discriminator="kind")]


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _empty_range(spec: Spec, minimum: float | None, maximum: float | None) -> Iterator[Fault]:
    if minimum is not None and maximum is not None and minimum > maximum:
        yield spec.fault("minimum", f"lies above the maximum of {maximum:g}", "Exchange the two.", minimum)


class RequestSpec(Spec):
    """The one JSON object that a caller sends."""

    fields: dict[FieldName, RequestField] = Field(
        min_length=1, max_length=400, description="The object's fields by name. What is not declared is refused."
    )

    def as_json_schema(self) -> dict[str, Any]:
        """The request in JSON schema, draft 4, of which API Gateway takes a part."""
        properties: Mapping[str, Any] = {name: field.as_json_schema() for name, field in self.fields.items()}
        required = [name for name, field in self.fields.items() if field.required]
        return {
            "type": "object",
            "properties": dict(properties),
            "additionalProperties": False,
            **({"required": required} if required else {}),
        }


class IamCallers(Spec):
    """Callers are IAM roles, and sign their requests (Signature Version 4)."""

    kind: Literal["iam"] = Field(description="Callers are roles.")
    callers: tuple[RoleArn, ...] = Field(
        default=(),
        max_length=20,
        description="Roles of other teams or accounts that may call. The team's own are granted it by `grant_call`.",
    )

    def check(self) -> Iterator[Fault]:
        """A role that is named twice."""
        for index, role in enumerate(self.callers):
            if role in self.callers[:index]:
                yield self.fault(f"callers[{index}]", "is named twice", "Remove one.", role)


class TokenIssuer(Spec):
    """Callers bear tokens (JWT) of an OpenID Connect issuer."""

    kind: Literal["jwt"] = Field(description="Callers bear tokens.")
    issuer: HttpsUrl = Field(description="The tokens' `iss`, letter by letter.")
    audiences: tuple[Word, ...] = Field(
        min_length=1, max_length=20, description="A token is for one of these (`aud`). Without one, any would do."
    )
    scopes: tuple[Word, ...] = Field(
        default=(), max_length=20, description="A token has all of these (`scope` or `scp`). Absent: none is needed."
    )
    jwks_uri: HttpsUrl | None = Field(
        default=None,
        description="Where the issuer's keys lie. Absent: where `/.well-known/openid-configuration` below it says.",
    )
    cache_seconds: int = Field(
        default=60,
        ge=0,
        le=3600,
        description="How long a token that passed is not looked at again: so long it outlives its end, and so many "
        "calls cost no function. A minute.",
    )

    def check(self) -> Iterator[Fault]:
        """An audience that anybody has, and addresses that name no host."""
        for index, audience in enumerate(self.audiences):
            if "*" in audience:
                yield self.fault(f"audiences[{index}]", "is a pattern", "Name the audience itself.", audience)
        for path, url in (("issuer", self.issuer), ("jwks_uri", self.jwks_uri)):
            host = urlsplit(url).hostname if url else "given"
            if not host:
                yield self.fault(path, "names no host", "Write https://host/path.", url)


Authorization = Annotated[IamCallers | TokenIssuer, Field(discriminator="kind")]


class ThrottleSpec(Spec):
    """How much all callers together may ask."""

    rate: float = Field(
        default=10,
        gt=0,
        le=10_000,
        description="Requests a second. Ten: enough to begin, and a bill that can't run away.",
    )
    burst: int = Field(
        default=20,
        ge=1,
        le=5_000,
        description="Requests at one moment. Two seconds' worth, for callers that come together.",
    )


class FirewallSpec(Spec):
    """What WAF looks at before a request is anything else."""

    per_address: int = Field(
        default=600,
        ge=10,
        le=2_000_000_000,
        description="Requests of one address in five minutes. 600: two a second, a fifth of what the throttle lets "
        "through, so that nobody alone uses it up.",
    )
    counted_rules: tuple[Word, ...] = Field(
        default=(),
        max_length=30,
        description="Rules of AWS's common set that only count, such as `CrossSiteScripting_BODY` where texts that "
        "look like markup are data.",
    )


class DoorSpec(Spec):
    """The public way to an endpoint. There is none without authorization."""

    request: RequestSpec = Field(description="What is asked.")
    authorization: Authorization = Field(description="Who asks: kind iam or jwt. Anonymous is no kind.")
    throttle: ThrottleSpec = Field(default_factory=ThrottleSpec, description="How often it is asked.")
    firewall: FirewallSpec = Field(default_factory=FirewallSpec, description="What is refused unread.")
    max_request_kib: int = Field(
        default=16,
        ge=1,
        le=MOST_INSPECTED_KIB,
        description="A request's body at most. 16: what WAF reads without a surcharge. More than 64 it can't read, and "
        "what it can't read doesn't pass.",
    )
    log_days: LogDays = Field(
        default=90, description="How long the access log stays: who called when with what result, never what was said."
    )

    def check(self) -> Iterator[Fault]:
        """A rule that can never fire, and texts that can't fit."""
        most = self.throttle.rate * WINDOW_SECONDS + self.throttle.burst
        if self.firewall.per_address > most:
            yield self.fault(
                "firewall.per_address",
                f"can never be reached: the throttle lets {most:g} requests through in {WINDOW_SECONDS} seconds",
                f"Use {int(most)} or less.",
                self.firewall.per_address,
            )
        for name, field in self.request.fields.items():
            if isinstance(field, TextField) and not field.choices and field.max_length > self.max_request_kib * 1024:
                yield self.fault(
                    f"request.fields.{name}.max_length",
                    f"is more than a request of {self.max_request_kib} KiB holds",
                    'Lower it, or raise "max_request_kib".',
                    field.max_length,
                )
