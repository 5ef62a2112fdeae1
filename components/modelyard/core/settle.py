"""What must wait until a program has said everything: policies that collect grants, checks that need the whole.

Pulumi registers the root stack's outputs when the program is done, whether it is synchronous or `pulumi.run`'s; that
moment is the hook. A program that failed settles nothing.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

import pulumi
from pulumi.runtime import get_root_resource

from modelyard.core.errors import InputError

_waiting: weakref.WeakKeyDictionary[pulumi.Resource, list[Callable[[], None]]] = weakref.WeakKeyDictionary()


def at_program_end(act: Callable[[], None]) -> None:
    """Call `act` once, after the program's last statement and before its outputs are registered.

    Raises `InputError` outside a Pulumi program.
    """
    root = get_root_resource()
    if not isinstance(root, pulumi.ComponentResource):
        raise InputError(
            "a component was made outside a Pulumi program",
            remedy="Run it by `pulumi up`, `modelyard.testing.deploy`, or `modelyard.assess.graph.record`.",
        )
    if root not in _waiting:
        _waiting[root] = []
        register = root.register_outputs

        def settle_and_register(outputs: Any) -> None:
            if sys.exc_info()[0] is None:
                settle(root)
            register(outputs)

        root.register_outputs = settle_and_register
    _waiting[root].append(act)


def settle(root: pulumi.Resource) -> None:
    """Do what waits for the end of the program below `root`; what that adds to the queue is done too."""
    waiting = _waiting.get(root, [])
    while waiting:
        waiting.pop(0)()
