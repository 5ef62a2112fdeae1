"""What a fresh emulator holds by itself, such as a default VPC: counted once on a machine, and remembered.

Counting loads every service, which takes longer than the emulator's start. A fresh one always holds the same, as long
as its packages, its extensions and what is counted stay the same; all of that is in the name of the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from modelyard.engine.places import cache
from modelyard_sandbox.accounting import LISTINGS
from modelyard_sandbox.localstack import environment
from modelyard_sandbox.servers import LOCALSTACK, Choice

_SOURCES = ("accounting.py", "moto_server.py", "moto_extensions", "localstack")
"""What decides, beside the packages, what a fresh emulator holds and what of it is counted."""


def baseline(choice: Choice, region: str, count: Callable[[], Mapping[str, int]]) -> Mapping[str, int]:
    """What the emulator that has just started holds, by `service: kind`; `count` where that isn't known yet.

    A LocalStack that somebody else started is never taken for fresh.
    """
    if choice.external:
        return count()
    path = cache() / "sandbox" / f"baseline-{choice.emulator}-{_digest(choice, region)}.json"
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        counted = count()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(dict(counted)))
    draft.replace(path)
    return counted


def _digest(choice: Choice, region: str) -> str:
    digest = hashlib.sha256(f"{version('moto')} {region} {sorted(choice.bridge)} {len(LISTINGS)}".encode())
    if choice.emulator == LOCALSTACK:
        digest.update(environment.lock().read_bytes())
    here = Path(__file__).parent
    for name in _SOURCES:
        for file in sorted((here / name).rglob("*.py")) if (here / name).is_dir() else [here / name]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
