"""The code of small functions: their own text, and the modules of the library's core that they import."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import ModuleType

import pulumi

_EMPTY = "\n"
"""The engine loses a text that has no character at all."""


def bundle(files: Mapping[str, str], *modules: ModuleType) -> dict[str, str]:
    """The files of a function by path: `files`, and the modules below the packages that they lie in."""
    found = dict(files)
    for module in modules:
        *packages, name = module.__name__.split(".")
        for depth in range(1, len(packages) + 1):
            found["/".join((*packages[:depth], "__init__.py"))] = _EMPTY
        found["/".join((*packages, f"{name}.py"))] = inspect.getsource(module)
    return found


def archive(files: Mapping[str, str]) -> pulumi.AssetArchive:
    """What a function's `code` takes."""
    return pulumi.AssetArchive({path: pulumi.StringAsset(text) for path, text in files.items()})
