"""Calls that a grant means to allow: each action of each statement, on an example of what it names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from tests.isolation.judge import Action, Judge, Question

from modelyard.assess.access import Access, Identity, example, tests, words

Context = dict[str, str | tuple[str, ...]]


def examples(judge: Judge, identity: Identity, statement: Mapping[str, Any]) -> Iterator[Question]:
    """The calls that one statement of an identity's policies allows by its text.

    Patterns of actions stand for all actions of the authorization reference that they match, on resources that those
    take. Actions that the reference lacks can't be asked about and are left out.
    """
    for action in _actions(judge, statement):
        table = judge.table(action.name.partition(":")[0])
        if not action.on:
            context = meeting(statement, action.keys)
            if context is not None and "*" in words(statement.get("Resource", "*")):
                yield Question(identity.arn, action.name, "*", context)
            continue
        for resource in words(statement["Resource"]):
            arn = example(resource)
            kinds = [kind for kind in action.on if _fits(table.arns[kind], arn)]
            context = meeting(statement, {*action.keys, *chain(*(action.on[kind] for kind in kinds))})
            if arn != "*" and kinds and context is not None:
                yield Question(identity.arn, action.name, arn, context)


def _actions(judge: Judge, statement: Mapping[str, Any]) -> Iterator[Action]:
    """The actions that a statement names."""
    for wanted in words(statement["Action"]):
        service, _, name = wanted.partition(":")
        form = re.compile(re.escape(name).replace(r"\*", ".*"), re.IGNORECASE)
        yield from (one for one in judge.table(service).actions if form.fullmatch(one.name.partition(":")[2]))


def meeting(statement: Mapping[str, Any], known: Collection[str]) -> Context | None:
    """A context that meets the statement's conditions; None where the action lacks a key that must be there."""
    context: Context = {}
    for operator, key, values in tests(statement):
        plain = operator.removesuffix("IfExists").rpartition(":")[2]
        if key.startswith("aws:Principal") or plain.endswith(("NotEquals", "NotLike")) or plain == "Null":
            continue
        if not key.startswith("aws:") and not _knows(known, key):
            if operator.endswith("IfExists"):
                continue
            return None
        context[key] = example(values[0]) if plain.endswith("Like") else values[0]
    return context


def _knows(known: Collection[str], key: str) -> bool:
    return any(key == one or ("$" in one and key.startswith(one.partition("$")[0])) for one in known)


def _fits(patterns: str | tuple[str, ...] | list[str], arn: str) -> bool:
    known = (patterns,) if isinstance(patterns, str) else patterns
    return any(_form(pattern).fullmatch(arn) for pattern in known)


def _form(pattern: str) -> re.Pattern[str]:
    *parts, last = re.split(r"\$\{\w+\}", pattern)
    joined = "[^:]*".join(re.escape(part) for part in parts)
    return re.compile(f"{joined}.+{re.escape(last)}" if parts else re.escape(last))


def granted(access: Access, identity: Identity) -> Iterator[Mapping[str, Any]]:
    """The statements that give an identity something."""
    for policy in identity.policies:
        yield from (statement for statement in policy.statements if statement["Effect"] == "Allow")


def in_person(identity: Identity, question: Question) -> Question:
    """The call as one of the people behind an identity makes it: IAM Identity Center names the session so."""
    if not identity.people or question.action != "sts:AssumeRole":
        return question
    name = identity.people[0]
    session = {"sts:RoleSessionName": name, "aws:userid": f"AROAEXAMPLE:{name}"}
    return replace(question, context={**question.context, **session})
