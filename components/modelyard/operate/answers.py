"""Answers that are kept: each under a digest of all that it rests on, so that the same question is worked out once.

They lie in `.modelyard/answers/`, and may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from modelyard.operate.fingerprints import of_ground

FOLDER: Final = Path(".modelyard", "answers")
_MOST: Final = 2_000
"""Answers that are kept: those of a hundred teams in several environments, a few times over."""


class Answers:
    """The kept answers of the project at `root`.

    `fresh`: nothing that is kept is taken; what is put counts for later. `grounds` gathers what answers say that they
    rest on beyond their key, in the order of asking, each with its digest: see `fingerprints.of_ground`.
    """

    def __init__(self, root: Path, *, fresh: bool = False) -> None:
        self.root = root
        self.grounds: dict[str, str] = {}
        self._fresh = fresh
        self._folder = root / FOLDER

    def get(self, key: str) -> Any:
        """The answer under a key; None where there is none, or something that it rests on has changed."""
        if self._fresh:
            return None
        try:
            kept = json.loads((self._folder / f"{key}.json").read_text("utf-8"))
            grounds: Mapping[str, str] = kept["grounds"]
            answer = kept["answer"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if any(of_ground(self.root, ground) != known for ground, known in grounds.items()):
            return None
        self.grounds |= grounds
        return answer

    def put(self, key: str, answer: Any, grounds: Mapping[str, str]) -> None:
        """Keep an answer that JSON can say, and that rests on `grounds`. Where nothing can be written, nothing is."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder, suffix=".new")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump({"grounds": dict(grounds), "answer": answer}, file)
                os.replace(name, self._folder / f"{key}.json")
            except OSError:
                os.unlink(name)

    def forget_old(self) -> None:
        """Delete the oldest answers beyond what is kept."""
        with contextlib.suppress(OSError):
            there = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
            for path in there[_MOST:]:
                path.unlink(missing_ok=True)
