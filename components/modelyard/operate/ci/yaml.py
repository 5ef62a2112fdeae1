"""YAML as people write it: scripts as blocks, no anchors, a comment at the top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from textwrap import dedent
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarstring import LiteralScalarString

LONGEST = 4096
"""Characters after which a line would be folded: never, since shells read them."""


def text(data: Mapping[str, Any] | Sequence[Any], header: Sequence[str], *, start: bool = False) -> str:
    """`data` as YAML below `header`, a line each; `start`: with the `---` that some tools ask for."""
    yaml = YAML()
    yaml.width = LONGEST
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    for line in header:
        out.write(f"# {line}".rstrip() + "\n")
    if start:
        out.write("---\n")
    body = StringIO()
    yaml.dump(data, body)
    return out.getvalue() + dedent(body.getvalue())


def script(*lines: str) -> str:
    """Commands as a block, where there are several."""
    joined = "\n".join(lines)
    return LiteralScalarString(joined + "\n") if "\n" in joined else joined


def noted(data: Mapping[str, Any], **notes: str) -> CommentedMap:
    """`data` with a comment behind these keys."""
    made = CommentedMap(data)
    for key, note in notes.items():
        made.yaml_add_eol_comment(note, key, column=0)
    return made
