"""What people's profiles and spaces are called."""

from __future__ import annotations

import re

from modelyard.build.workbench.spec import Editor
from modelyard.core.component import Component
from modelyard.core.context import Context

_PLAIN = re.compile(r"[^a-z0-9]+")


def key_of(person: str) -> str:
    """A person in a logical name: the same on every run, whatever their place in the list."""
    return person.casefold()


def profile_name(component: Component, person: str) -> str:
    """The profile of a person: readable from its beginning, and five characters that stand for the whole address.

    It begins with the team's names, as everything that is the team's, and no other team's profile does.
    """
    return component.physical("sagemaker", _plain(person), content=key_of(person))


def space_name(component: Component, person: str, editor: Editor) -> str:
    """The space of a person in which an editor runs."""
    return component.physical("sagemaker", f"{_plain(person)}-{editor}", content=key_of(person))


def profiles_of(context: Context) -> str:
    """A pattern of the ARNs of the team's profiles, whichever id SageMaker gave their domain."""
    return context.arn("sagemaker", f"user-profile/*/{'-'.join((*context.names.owner, ''))}*")


def _plain(person: str) -> str:
    local = _PLAIN.sub("-", key_of(person).partition("@")[0]).strip("-")
    return f"u{local}" if not local[:1].isalpha() else local
