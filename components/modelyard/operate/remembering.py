"""The whole answer of `yard check`, kept: where nothing has changed since, it is given without loading anything."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelyard.operate import fingerprints
from modelyard.operate.answers import Answers

if TYPE_CHECKING:
    from modelyard.assess.policy.outputs.writing import Format
    from modelyard.blueprints.enforcement import Profile


@dataclass(frozen=True, slots=True)
class Said:
    """What is printed, and whether anything stops the change."""

    text: str
    stops: bool


@dataclass(frozen=True)
class Asked:
    """What `yard check` was asked for in the project at `root`."""

    root: Path
    what: str | None
    environment: str | None
    profile: Profile | None
    form: Format
    checkov: bool = False
    fresh: bool = False

    def remembered(self) -> Said | None:
        """The answer of an earlier time that rests on the same files, rules, prices, libraries and day."""
        kept = self._answers.get(self._key)
        return Said(**kept) if kept is not None else None

    def now(self, tell: Callable[[str], None]) -> Said:
        """The answer, worked out as far as it isn't known, and kept unless a file was saved meanwhile.

        Raises what `checked` raises.
        """
        from modelyard.assess.policy.outputs.writing import written
        from modelyard.blueprints.project import Project
        from modelyard.operate.checking import checked

        key, answers, begun = self._key, self._answers, time.time_ns()
        found = checked(
            Project(self.root),
            what=self.what,
            environment=self.environment,
            profile=self.profile,
            checkov=self.checkov,
            answers=answers,
            tell=tell,
        )
        said = Said(written(found, self.form), found.stops)
        if key == self._key and not fingerprints.touched(self.root, answers.grounds, begun):
            answers.put(key, {"text": said.text, "stops": said.stops}, answers.grounds)
        return said

    @property
    def _key(self) -> str:
        asked: list[Any] = [self.what, self.environment, self.profile, self.form, self.checkov]
        day = datetime.now(UTC).date().isoformat()
        return fingerprints.digest(
            fingerprints.library(), fingerprints.project(self.root), asked, day, os.getcwd(), "whole"
        )

    @cached_property
    def _answers(self) -> Answers:
        return Answers(self.root, fresh=self.fresh)
