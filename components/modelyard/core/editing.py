"""Changing a YAML file that people wrote: what they wrote stays as it is, comments and all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from modelyard.core.document import OVERRIDES
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.source import shown_path


def forget_environment(path: Path, environment: str) -> None:
    """Take `environment` out of `environments` of the file at `path`; every other line stays.

    Raises `InputError` where the file hasn't the environment.
    """
    text = path.read_text(encoding="utf-8")
    loader: Any = YAML(typ="rt")
    loader.preserve_quotes = True
    loader.width = 4096
    tree: dict[str, Any] = loader.load(text)
    environments: Any = tree.get(OVERRIDES)
    if not isinstance(environments, CommentedMap) or environment not in cast(dict[str, Any], environments):
        source = Source(shown_path(str(path)), OVERRIDES)
        raise InputError(Fault("has no environment of this name", "Name one that it has.", source, environment))
    if cast(Any, environments).fa.flow_style():
        del environments[environment]
        out = io.StringIO()
        loader.dump(tree, out)
        text = out.getvalue()
    else:
        line, column = cast(tuple[int, int], cast(Any, environments).lc.key(environment))
        lines = text.splitlines(keepends=True)
        end = line + 1
        while end < len(lines) and _belongs(lines[end], column):
            end += 1
        text = "".join(lines[:line] + lines[end:])
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _belongs(line: str, column: int) -> bool:
    """Whether a line continues the entry whose key stands at `column`."""
    stripped = line.lstrip(" ")
    return not stripped.strip() or len(line) - len(stripped) > column
