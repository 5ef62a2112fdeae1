"""Synthetic outputs: what a resource computes when it is created, in the right form and the same every time.

A value depends on the URN, on the inputs it echoes, and on the account and region alone. `FORMS` holds what is special
about a type; everything else follows from the output's name and shape.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelyard.assess.graph.forms import FORMS
from modelyard.assess.graph.shapes import computed_outputs
from modelyard.assess.graph.values import UNKNOWN, Secret, reveal
from modelyard.core.sdk import ListOf, MapOf, ObjectOf, OneOf, Scalar, Shape

_NAME_INPUTS: Final = (
    "name",
    "bucket",
    "identifier",
    "functionName",
    "policyName",
    "roleName",
    "clusterIdentifier",
)
_KUBERNETES: Final = "kubernetes:"
_ACCOUNTS: Final = ("accountid", "ownerid", "catalogid", "registryid")
_PREFIX_INPUTS: Final = ("namePrefix", "bucketPrefix", "identifierPrefix")
_PARTITIONS: Final = {"cn-": ("aws-cn", "amazonaws.com.cn"), "us-gov-": ("aws-us-gov", "amazonaws.com")}


@dataclass(frozen=True, slots=True)
class Place:
    """The account and region that synthetic values speak of."""

    account: str = "123456789012"
    region: str = "us-east-1"

    @property
    def partition(self) -> str:
        """The ARN partition of the region."""
        return self._partition_and_suffix[0]

    @property
    def suffix(self) -> str:
        """The DNS suffix of the region's partition."""
        return self._partition_and_suffix[1]

    @property
    def _partition_and_suffix(self) -> tuple[str, str]:
        found = (pair for prefix, pair in _PARTITIONS.items() if self.region.startswith(prefix))
        return next(found, ("aws", "amazonaws.com"))

    def zones(self) -> list[str]:
        """Three availability zones of the region."""
        return [self.region + letter for letter in "abc"]

    def zone_id(self, zone: str) -> str:
        """The id of an availability zone: `us-east-1a` is `use1-az1`."""
        *area, direction, number = self.region.split("-")
        short = {"northeast": "ne", "southeast": "se", "northwest": "nw", "southwest": "sw"}
        place = area[0] + "".join(part[0] for part in area[1:]) + short.get(direction, direction[:1]) + number
        letter = zone[len(self.region) :] or "a"
        return f"{place}-az{ord(letter[0]) - ord('a') + 1}"


def synthesize(kind: str, name: str, urn: str, inputs: Mapping[str, Any], place: Place) -> tuple[str, dict[str, Any]]:
    """The id and the computed outputs of a resource; what it was given is not among the outputs, but for objects of
    which the service computes a part.

    An output that echoes an unknown input is UNKNOWN; one that echoes a secret is a Secret.
    """
    words = _Words(kind, name, urn, inputs, place)
    form = FORMS.get(kind, {})
    outputs: dict[str, Any] = {}
    for key, template in form.items():
        given = inputs.get(key)
        if key != "id" and given is None:
            outputs[key] = words.fill(template)
        elif isinstance(template, Mapping) and isinstance(given, Mapping):
            outputs[key] = {**words.fill(template), **given}
    for key, computed in computed_outputs(kind).items():
        if key not in outputs and inputs.get(key) is None and key != "id":
            outputs[key] = words.generic(key, computed.shape, computed.decided)
    if kind.startswith(_KUBERNETES) and "apiVersion" in inputs:
        metadata = _named(inputs.get("metadata"), name, urn)
        return f"{metadata.get('namespace', 'default')}/{metadata['name']}", {**outputs, "metadata": metadata}
    identity = words.read("id")
    return (identity if isinstance(identity, str) else ""), outputs


def _named(metadata: Any, name: str, urn: str) -> dict[str, Any]:
    """An object's metadata with the name that pulumi-kubernetes gives where the program gives none."""
    given = reveal(metadata)
    written: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {}  # pyright: ignore[reportUnknownArgumentType]
    return {**written, "name": written.get("name") or f"{name}-{hashlib.sha256(urn.encode()).hexdigest()[:8]}"}


def digits(of: Mapping[str, Any], count: int) -> str:
    """Hexadecimal digits drawn from plain values, at most 64."""
    text = json.dumps(of, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:count]


class _Words(Mapping[str, str]):
    """The words of a form: digits from the URN, the place, the form's own outputs, the inputs."""

    def __init__(self, kind: str, name: str, urn: str, inputs: Mapping[str, Any], place: Place) -> None:
        self._kind, self._name, self._urn, self._inputs, self._place = kind, name, urn, inputs, place
        self._form = FORMS.get(kind, {})
        self._digest = hashlib.sha256(urn.encode()).hexdigest()
        self._unknown = self._secret = False

    def fill(self, template: Any) -> Any:
        """The template with its words replaced."""
        if isinstance(template, str):
            self._unknown = self._secret = False
            text = template.format_map(self)
            value = UNKNOWN if self._unknown else text
            return Secret(value) if self._secret else value
        if isinstance(template, list):
            return [self.fill(part) for part in template]
        if isinstance(template, dict):
            return {key: self.fill(part) for key, part in template.items()}
        return template

    def read(self, key: str) -> Any:
        """The form's value of one output, or the generic one."""
        if key in self._form:
            return self.fill(self._form[key])
        return self._text(key, True)

    def generic(self, key: str, shape: Shape, decided: bool = True) -> Any:
        """The value of an output that no form names.

        What an input could have set, and didn't, is empty. A list that the provider decides has one object in it.
        """
        match shape:
            case Scalar("string" | "any" | "asset"):
                return self._text(key, decided)
            case Scalar("boolean"):
                return False
            case Scalar():
                return 0
            case ListOf(ObjectOf() as item) if decided:
                return [self.generic(key, item)]
            case ListOf():
                return []
            case ObjectOf() if decided:
                return {name: self.generic(name, part.shape) for name, part in shape.fields.items() if part.required}
            case OneOf(options):
                return self.generic(key, options[0], decided)
            case MapOf() if key == "tagsAll":
                return dict(reveal(self._inputs.get("tags")) or {})
            case _:
                return {}

    def _text(self, key: str, decided: bool) -> Any:
        lowered = key.lower()
        if key == "region":
            return self._place.region
        if key in _NAME_INPUTS:
            return self._auto_name()
        if lowered in _ACCOUNTS:
            return self._place.account
        if not decided:
            return ""
        if key == "id":
            return self.fill("{name}") if self._given_name() is not None else self._digest[:16]
        if lowered.endswith("arn"):
            service, resource = self._kind.split(":")[1].split("/")[0], self._kind.rsplit(":", 1)[-1]
            return self.fill(f"arn:{{partition}}:{service}:{{region}}:{{account}}:{resource.lower()}/{{name}}")
        if lowered.endswith(("url", "endpoint")):
            return self.fill("https://{hex8}.{region}.{suffix}")
        if lowered.endswith(("date", "time", "createdat", "lastmodified")):
            return "2020-01-01T00:00:00Z"
        return f"{key}-{self._digest[:8]}"

    def _given_name(self) -> Any:
        return next((self._inputs[key] for key in _NAME_INPUTS if self._inputs.get(key) is not None), None)

    def _auto_name(self) -> str:
        for key in _PREFIX_INPUTS:
            prefix = self._inputs.get(key)
            if isinstance(prefix, str):
                return prefix + f"{int(self._digest, 16) % 10**26:026d}"
        return f"{self._name}-{self._digest[:7]}"

    def _number(self, digits: int) -> str:
        return str(int(self._digest, 16))[:digits]

    def __getitem__(self, word: str) -> str:
        place, digest = self._place, self._digest
        given = self._inputs.get(word)
        if given is None and word == "name":
            given = self._given_name()
        if given is not None:
            plain = reveal(given)
            self._secret |= isinstance(given, Secret)
            self._unknown |= plain is UNKNOWN
            return str(plain)
        match word:
            case "account" | "region" | "partition" | "suffix":
                return getattr(place, word)
            case "hex6" | "hex8" | "hex12" | "hex17" | "hex32":
                return digest[: int(word[3:])]
            case "id17" | "id20":
                return digest[: int(word[2:])].upper()
            case "uuid":
                return "-".join((digest[:8], digest[8:12], "4" + digest[13:16], "a" + digest[17:20], digest[20:32]))
            case "number":
                return self._number(10)
            case "path":
                return "/"
            case "name":
                return self._auto_name()
            case "bare_name":
                return self["name"].removeprefix("/")
            case "public_ip":
                return ".".join(("203", "0", "113", str(int(digest[:2], 16))))
            case "public_ip_dashed":
                return self["public_ip"].replace(".", "-")
            case "zone_id":
                return place.zone_id(str(reveal(self._inputs.get("availabilityZone")) or place.region + "a"))
            case _ if word in self._form:
                return self._nested(word)
            case _ if word in _NAME_INPUTS or word.endswith("Name"):
                return self._auto_name()
            case _:
                return ""

    def _nested(self, word: str) -> str:
        unknown, secret = self._unknown, self._secret
        value = self.read(word)
        self._secret = secret or isinstance(value, Secret)
        self._unknown = unknown or reveal(value) is UNKNOWN
        return str(reveal(value))

    def __iter__(self) -> Any:
        return iter(self._form)

    def __len__(self) -> int:
        return len(self._form)
