"""The marker of what was deployed to the sandbox, and the refusal to take it for a real cloud's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from modelyard.core.errors import Fault, InputError, Source

BACKEND_MARKER: Final = "modelyard-sandbox.json"
"""A file in the sandbox's backend folder."""

PROVIDER_MARKER: Final = "modelyardSandbox"
"""A property of every provider in a state that the sandbox's stand-in has written."""

_REMEDY: Final = (
    "Deploy to the sandbox (yard up --sandbox), or use another backend or stack for the real cloud; "
    "nothing in this state exists there."
)


def refuse_sandbox_state(state: Mapping[str, Any] | str) -> None:
    """Raise `InputError` where a state, or the backend of a URL, belongs to the sandbox.

    `state` is what `pulumi stack export` gives, its `deployment`, or a backend's URL (`file://…`; others pass, as the
    sandbox has none of them).
    """
    if isinstance(state, str):
        marker = _marker_of_backend(state)
        if marker is not None:
            raise InputError(Fault("this backend is the sandbox's", _REMEDY, Source(str(marker)), state))
        return
    deployment = state.get("deployment") or state
    for resource in deployment.get("resources") or ():
        if not str(resource.get("type", "")).startswith("pulumi:providers:"):
            continue
        if any(PROVIDER_MARKER in (resource.get(part) or {}) for part in ("inputs", "outputs")):
            raise InputError(Fault("this stack was deployed to the sandbox", _REMEDY, value=resource.get("urn")))


def _marker_of_backend(url: str) -> Path | None:
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    folder = Path(unquote(parts.netloc + parts.path)).expanduser()
    found = (place / BACKEND_MARKER for place in (folder, folder / ".pulumi"))
    return next((marker for marker in found if marker.is_file()), None)
