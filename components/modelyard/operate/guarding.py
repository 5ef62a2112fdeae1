"""`yard guard`: a plan that loses state is refused until somebody acknowledges each loss by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

from modelyard.assess.impact.acknowledged import FILE, Guarded, acknowledgements_of, guarded
from modelyard.assess.impact.plan import Plan
from modelyard.blueprints.project import Project


def guard(project: Project, plan: Callable[[], Plan], *, today: date | None = None) -> tuple[Plan, Guarded]:
    """The plan, and what is refused of it by the acknowledgements in the project's `acknowledged.yaml`.

    That file is read first. Raises `SpecError` with its faults: what isn't well formed, is over, or holds for too long;
    and what `plan` raises.
    """
    day = today or datetime.now(UTC).date()
    said = acknowledgements_of(project.root / FILE, day)
    found = plan()
    return found, guarded(found, said, day, file=FILE)
