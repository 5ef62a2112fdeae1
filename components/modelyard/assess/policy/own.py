"""Rules of a company's own: Python files in `platform/policy/rules/`, asked beside the catalogue everywhere.

Files there whose names begin with `_` hold no rules; those that do may import them.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from modelyard.assess.policy.rule import Rule
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.source import shown_path

FOLDER: Final = Path("platform", "policy", "rules")
NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")
_REMEDY: Final = "Write a rule as docs/check.md shows, in a list called RULES."


def rules_of(root: Path) -> tuple[Rule, ...]:
    """The catalogue, and the rules of the project at `root`. Raises `InputError` with the faults of all its files."""
    return (*CATALOGUE, *own_rules(root))


def own_rules(root: Path) -> tuple[Rule, ...]:
    """The rules that lie in the project at `root`: the list RULES of each file whose name doesn't begin with `_`."""
    rules, faults, known = list[Rule](), list[Fault](), {rule.id: "the catalogue" for rule in CATALOGUE}
    for path, found in _loaded(root / FOLDER).items():
        if isinstance(found, Fault):
            faults.append(found)
            continue
        listed = getattr(found, "RULES", None)
        if not isinstance(listed, list | tuple):
            faults.append(Fault("has no list RULES", _REMEDY, _at(path)))
            continue
        for index, rule in enumerate(listed):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            wrong = list(_wrong(rule, known, _at(path, f"RULES[{index}]")))
            faults += wrong
            if not wrong:
                known[rule.id] = shown_path(os.fspath(path))
                rules.append(rule)
    if faults:
        raise InputError(*{str(fault): fault for fault in faults}.values())
    return tuple(rules)


def _loaded(folder: Path) -> dict[Path, ModuleType | Fault]:
    """The modules with rules, or what is wrong with them. They find what lies beside them, and nobody else does."""
    found = dict[Path, ModuleType | Fault]()
    known, place = set(sys.modules), os.fspath(folder)
    importlib.invalidate_caches()
    sys.path.append(place)
    try:
        for path in sorted(folder.glob("[!_]*.py")):
            try:
                found[path] = _module(path)
            except (Exception, SystemExit) as error:
                found[path] = _broken(path, error)
    finally:
        sys.path.remove(place)
        for name in set(sys.modules) - known:
            if Path(getattr(sys.modules[name], "__file__", None) or "").is_relative_to(folder):
                del sys.modules[name]
    return found


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"modelyard_own_rules_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _broken(path: Path, error: BaseException) -> Fault:
    """What is wrong, at the line of the innermost file of the folder that took part."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((error.filename, error.lineno))
    below = [(file, line) for file, line in frames if Path(file).is_relative_to(path.parent)]
    file, line = below[-1] if below else (os.fspath(path), 0)
    source = Source(shown_path(file), "", line or 0)
    return Fault(f"can't be loaded: {type(error).__name__}: {error}", "Mend the file.", source)


def _wrong(rule: Any, known: dict[str, str], source: Source) -> Iterator[Fault]:
    if not isinstance(rule, Rule):
        yield Fault("is no rule", _REMEDY, source, rule)
    elif not NAME.fullmatch(rule.id):
        yield Fault("is no name of a rule", "Use lower-case words with hyphens between them.", source, rule.id)
    elif rule.id in known:
        yield Fault(f"is the name of a rule of {known[rule.id]} already", "Call it something else.", source, rule.id)


def _at(path: Path, where: str = "") -> Source:
    return Source(shown_path(os.fspath(path)), where)
