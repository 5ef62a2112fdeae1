"""All services: a read is done again where another request changed, meanwhile, what it looked through.

Moto answers requests at a time, and keeps what there is in dictionaries that Python won't go through while they change.
"""

from __future__ import annotations

from typing import Any, Final

from moto.core.responses import BaseResponse

_READS: Final = ("Describe", "Get", "List", "Lookup", "Search")
_TRIES: Final = 5
_call_action = BaseResponse.call_action


def call_action(self: BaseResponse) -> Any:
    """What the action answers; a change is never done twice."""
    for _ in range(_TRIES):
        try:
            return _call_action(self)
        except RuntimeError as error:
            if "during iteration" not in str(error) or not (self._get_action() or "").startswith(_READS):
                raise
    return _call_action(self)


def install() -> None:
    """Patch what all services' answers have in common."""
    BaseResponse.call_action = call_action
