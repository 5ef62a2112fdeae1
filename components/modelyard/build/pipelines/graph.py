"""The order of steps: who waits for whom, what is a circle, and what may run beside what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

Needs: TypeAlias = Mapping[str, frozenset[str]]
"""Which steps each step waits for."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts that run one after the other; a name is a step."""

    parts: tuple[str | Parallel, ...]


@dataclass(frozen=True, slots=True)
class Parallel:
    """Sequences that run beside each other."""

    branches: tuple[Sequence, ...]


def circle(needs: Needs) -> list[str]:
    """The steps of a circle in their order, the first once more at the end; nothing where there is none."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def order(needs: Needs) -> list[str]:
    """The steps so that each comes after those it waits for; equals by name."""
    sorter, found = TopologicalSorter({name: sorted(needs[name]) for name in sorted(needs)}), []
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        found += ready
        sorter.done(*ready)
    return found


def before(needs: Needs) -> dict[str, frozenset[str]]:
    """Every step that must have ended before each, directly or through others."""
    found: dict[str, frozenset[str]] = {}
    for name in order(needs):
        found[name] = needs[name].union(*(found[other] for other in needs[name]))
    return found


def arranged(needs: Needs) -> Sequence:
    """The steps as nested sequences and branches, no step waiting for more than it must where the graph nests.

    What has no connection runs side by side. A step that all others come before or after divides its group. A group
    that no step divides begins with all that waits for nothing in it, side by side, and the rest waits for them.
    """
    ancestors = before(needs)
    return _arranged(order(needs), ancestors)


def _arranged(steps: Iterable[str], ancestors: Mapping[str, frozenset[str]]) -> Sequence:
    names = list(steps)
    if not names:
        return Sequence(())
    groups = _unconnected(names, ancestors)
    if len(groups) > 1:
        return Sequence((Parallel(tuple(_arranged(group, ancestors) for group in groups)),))
    for name in names:
        earlier = [other for other in names if other in ancestors[name]]
        later = [other for other in names if name in ancestors[other]]
        if len(earlier) + len(later) + 1 == len(names):
            return Sequence((*_arranged(earlier, ancestors).parts, name, *_arranged(later, ancestors).parts))
    first = [name for name in names if not ancestors[name] & set(names)]
    rest = [name for name in names if name not in first]
    return Sequence((*_arranged(first, ancestors).parts, *_arranged(rest, ancestors).parts))


def _unconnected(names: list[str], ancestors: Mapping[str, frozenset[str]]) -> list[list[str]]:
    groups: list[list[str]] = []
    for name in names:
        near = [g for g in groups if any(o in ancestors[name] or name in ancestors[o] for o in g)]
        groups = [group for group in groups if group not in near]
        joined = {name, *(other for group in near for other in group)}
        groups.append([other for other in names if other in joined])
    return sorted(groups)
