"""Write the spec tables of the documentation from the models: `python tools/spec_tables.py [--check]`."""

from __future__ import annotations

import importlib
import re
import sys
import typing
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from modelyard.core.spec import Spec

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "modelyard.assess.impact",
    "modelyard.assess.policy",
    "modelyard.blueprints",
    "modelyard.foundation.audit",
    "modelyard.foundation.budgets",
    "modelyard.foundation.cluster",
    "modelyard.foundation.keys",
    "modelyard.foundation.network",
    "modelyard.foundation.secrets",
    "modelyard.foundation.tenancy",
    "modelyard.build.data",
    "modelyard.build.features",
    "modelyard.build.pipelines",
    "modelyard.build.registry",
    "modelyard.build.tracking",
    "modelyard.build.training",
    "modelyard.build.workbench",
    "modelyard.run.governance",
    "modelyard.run.monitoring",
    "modelyard.run.retraining",
    "modelyard.run.serving",
)
LINK = re.compile(r"\[(\w+)\]\(#\w+\)")
MARKERS = re.compile(r"(<!-- spec:start (\w+)( alone)? -->\n).*?(<!-- spec:end -->)", re.DOTALL)
"""`alone`: only the one table, whose links lead to the pages that hold the others."""


def specs() -> dict[str, type[Spec]]:
    """Every public spec by its name."""
    found: dict[str, type[Spec]] = {}
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            if not (isinstance(value, type) and issubclass(value, Spec)):
                continue
            if found.setdefault(name, value) is not value:
                sys.exit(f"{name} is two specs: {found[name].__module__} and {value.__module__}; rename one")
    return found


def type_text(annotation: Any) -> str:
    """A type as a reader of YAML thinks of it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return type_text(arguments[0])
    if origin is typing.Literal:
        return " \\| ".join(f"`{value}`" for value in arguments)
    if origin is dict:
        return f"mapping of {type_text(arguments[1])}"
    if origin in (tuple, list):
        return f"list of {type_text(arguments[0])}"
    if arguments:
        return " \\| ".join(dict.fromkeys(type_text(part) for part in arguments if part is not type(None)))
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " \\| ".join(f"`{member.value}`" for member in annotation)
    return {"str": "text", "int": "whole number", "bool": "true or false", "float": "number", "date": "day"}[
        annotation.__name__
    ]


def default_text(info: FieldInfo) -> str:
    """What a field is when nobody says."""
    if info.is_required():
        return "required"
    value = info.default_factory() if info.default_factory is not None else info.default  # pyright: ignore[reportCallIssue]
    if isinstance(value, Spec) or value is PydanticUndefined:
        return "see below"
    if isinstance(value, dict) and value:
        return ", ".join(f"`{key}`" for key in value)
    if value is None or value in ((), [], {}, ""):
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def table(spec: type[Spec], seen: set[str]) -> list[str]:
    """The tables of `spec` and of the specs that it holds, each once."""
    if spec.__name__ in seen:
        return []
    seen.add(spec.__name__)
    summary = (spec.__doc__ or "").strip().splitlines()[0]
    lines = [f"#### {spec.__name__}", "", summary, "", "| field | type | default | |", "|---|---|---|---|"]
    nested: list[type[Spec]] = []
    for name, info in spec.model_fields.items():
        extra = info.json_schema_extra
        replaces = isinstance(extra, dict) and extra.get("change") == "replaces"
        note = " **A change replaces what holds state.**" if replaces else ""
        kind = type_text(info.annotation)
        lines.append(f"| `{info.alias or name}` | {kind} | {default_text(info)} | {info.description}{note} |")
        nested += held(info.annotation)
    return [*lines, "", *(line for child in nested for line in table(child, seen))]


def held(annotation: Any) -> list[type[Spec]]:
    """The specs inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return [annotation]
    return [found for part in typing.get_args(annotation) for found in held(part)]


def homes(pages: dict[str, str], known: dict[str, type[Spec]]) -> dict[str, str]:
    """The page that holds the table of each spec: where it is asked for, else where it comes along with another."""
    asked = {m[2]: page for page, text in pages.items() for m in MARKERS.finditer(text) if not m[3]}
    found = dict(asked)
    for name, page in asked.items():
        along = set(asked) - {name}
        table(known[name], along)
        found |= {other: page for other in along - set(asked)}
    return found


def rendered(page: str, text: str, known: dict[str, type[Spec]], home: dict[str, str], asked: set[str]) -> str:
    """A page with its tables made anew; what has its table elsewhere is linked to."""

    def link(found: re.Match[str]) -> str:
        where = home.get(found[1])
        there = "" if where == page else where
        return found[1] if where is None else f"[{found[1]}]({there}#{found[1].lower()})"

    def anew(marker: re.Match[str]) -> str:
        elsewhere = (set(known) | set(home) if marker[3] else set(asked)) - {marker[2]}
        lines = "\n".join(table(known[marker[2]], elsewhere)).rstrip("\n")
        return f"{marker[1]}{re.sub(LINK, link, lines)}\n{marker[4]}"

    return MARKERS.sub(anew, text)


def main() -> int:
    known = specs()
    stale: list[str] = []
    pages = sorted((ROOT / "docs").glob("*.md"))
    texts = {page.name: page.read_text() for page in pages}
    home = homes(texts, known)
    asked = {marker[2] for text in texts.values() for marker in MARKERS.finditer(text) if not marker[3]}
    for page in pages:
        before = page.read_text()
        after = rendered(page.name, before, known, home, asked)
        if after != before:
            stale.append(str(page.relative_to(ROOT)))
            if "--check" not in sys.argv:
                page.write_text(after)
    for name in stale:
        print(f"{name}: {'is out of date; run python tools/spec_tables.py' if '--check' in sys.argv else 'written'}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
