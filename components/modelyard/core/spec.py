"""The base of every spec: what is known before deployment, validated, frozen, and aware of where it was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints

from modelyard.core.errors import MISSING, Fault, Source

REPLACES: Final = Field(json_schema_extra={"change": "replaces"})
"""Marks a field (`Annotated[str, REPLACES]`) whose change destroys or replaces what holds state."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]*[a-z0-9])?$", max_length=24)]
"""Lower-case letters, digits and hyphens, starting with a letter; at most 24 characters."""

ColumnName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]*$", max_length=128)]
"""Lower-case letters, digits and underscores, as Glue, Athena and feature groups take them."""

RoleArn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$")]
"""The ARN of an IAM role; session ARNs and wildcards are no principals here."""

AccountId = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
"""Twelve digits, quoted in YAML so that a leading zero survives."""

Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)]
"""An address that somebody reads."""

LogDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
"""Days that CloudWatch Logs can keep a group (AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy)."""


class SourceMap:
    """Where each value of a document was written: logical path → `Source`."""

    def __init__(self, file: str, entries: Mapping[str, Source] | None = None) -> None:
        self.file = file
        self._entries = dict(entries or {})

    def __getitem__(self, path: str) -> Source:
        """The source of `path`, or the position of the nearest enclosing value that was written."""
        known = path
        while known not in self._entries:
            if not known:
                return Source(self.file, path)
            cut = max(known.rfind("."), known.rfind("["))
            known = known[:cut] if cut > 0 else ""
        found = self._entries[known]
        return found.at(found.path + path[len(known) :]) if known else found.at(path)


class Spec(BaseModel):
    """A part of a platform or team file. Unknown fields are refused; live things never appear in it.

    Its validator is built when the first is read: a command reads few of all kinds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_enum_values=False, allow_inf_nan=False, defer_build=True)

    _path: str = PrivateAttr(default="")
    _sources: SourceMap | None = PrivateAttr(default=None)

    def source(self, path: str = "") -> Source:
        """Where this value, or the one at `path` below it, was written; without a file, just the path."""
        full = joined(self._path, path)
        return self._sources[full] if self._sources is not None else Source("", full)

    def fault(self, path: str, problem: str, remedy: str, value: object = MISSING) -> Fault:
        """A fault of the value at `path` below this one."""
        return Fault(problem, remedy, self.source(path), value)

    def check(self) -> Iterable[Fault]:
        """The faults that types alone don't show; a spec that has such rules overrides this."""
        return ()

    def all_faults(self) -> Iterator[Fault]:
        """The faults of this spec and of every spec below it."""
        yield from self.check()
        for _, child in below(self):
            yield from child.check()

    def locate(self, sources: SourceMap, path: str = "") -> None:
        """Tell this spec, and every spec below it, where it was written."""
        self._path, self._sources = path, sources
        for relative, child in below(self):
            child._path, child._sources = joined(path, relative), sources


def joined(path: str, rest: str) -> str:
    """`rest` below `path`, as error messages write it: `a.b`, `a[0]`."""
    if not path or not rest or rest.startswith("["):
        return path + rest
    return f"{path}.{rest}"


def below(spec: Spec) -> Iterator[tuple[str, Spec]]:
    """Every spec below `spec`, with its path from there, by the names used in the file."""
    for name, info in type(spec).model_fields.items():
        yield from _specs_in(getattr(spec, name), info.alias or name)


def _specs_in(value: object, path: str) -> Iterator[tuple[str, Spec]]:
    if isinstance(value, Spec):
        yield path, value
        for relative, child in below(value):
            yield joined(path, relative), child
    elif isinstance(value, Mapping):
        for key, item in cast(Mapping[Any, object], value).items():
            yield from _specs_in(item, joined(path, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(cast(list[object], value)):
            yield from _specs_in(item, f"{path}[{index}]")
