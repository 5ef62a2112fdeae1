"""Waiting for what controllers do, by watching: nothing is polled, and no time is asserted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubernetes.watch import Watch

LIMIT = 60
"""Seconds after which a watch ends without having seen what it waited for."""


def until(lists: Callable[..., Any], holds: Callable[[Any], bool], *arguments: Any) -> Any:
    """The first object of which `holds`, among those that `lists(*arguments)` gives."""
    watch: Any = Watch()
    for event in watch.stream(lists, *arguments, timeout_seconds=LIMIT):
        if event["type"] != "DELETED" and holds(event["object"]):
            watch.stop()
            return event["object"]
    raise AssertionError(f"nothing of what {lists.__name__} gives became so within {LIMIT} s")


def until_gone(lists: Callable[..., Any], name: str, delete: Callable[[], Any], *arguments: Any) -> None:
    """Delete an object, and wait until it is gone from what `lists(*arguments)` gives."""
    chosen = {"field_selector": f"metadata.name={name}"}
    version = lists(*arguments, **chosen).metadata.resource_version
    delete()
    watch: Any = Watch()
    for event in watch.stream(lists, *arguments, resource_version=version, timeout_seconds=LIMIT, **chosen):
        if event["type"] == "DELETED":
            watch.stop()
            return
    raise AssertionError(f"{name} is still there after {LIMIT} s")
