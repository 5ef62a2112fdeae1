"""`render`: what `aws:iam/getPolicyDocument:getPolicyDocument` answers, a pure function of its arguments.

It merges and sorts as hashicorp/terraform-provider-aws does (internal/service/iam/policy_model.go).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from modelyard.core.errors import Fault, InputError

_LISTS: Final = (
    ("actions", "Action"),
    ("notActions", "NotAction"),
    ("resources", "Resource"),
    ("notResources", "NotResource"),
)
_PRINCIPALS: Final = (("principals", "Principal"), ("notPrincipals", "NotPrincipal"))


def render(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with `id`, `version` and the document as `json` and `minifiedJson`.

    Statements merge by Sid, the later ones win: source documents, own statements, override documents. InputError when
    two own statements, or two of the source documents, share a Sid.
    """
    sources = [json.loads(text) for text in arguments.get("sourcePolicyDocuments") or [] if text]
    own = [_statement(given) for given in arguments.get("statements") or []]
    overrides = [json.loads(text) for text in arguments.get("overridePolicyDocuments") or [] if text]
    _refuse_shared_sids([statement for source in sources for statement in _statements(source)], "source documents")
    _refuse_shared_sids(own, "statements")
    version = arguments.get("version") or "2012-10-17"
    current = {"Version": version, "Id": arguments.get("policyId"), "Statement": own}
    document: dict[str, Any] = {"Version": "", "Id": "", "Statement": []}
    for added in (*sources, current, *overrides):
        document = {
            "Version": max(document["Version"], added.get("Version") or ""),
            "Id": added.get("Id") or document["Id"],
            "Statement": _overlay(document["Statement"], _statements(added)),
        }
    document = {key: value for key, value in document.items() if value}
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return {
        **arguments,
        "id": str(zlib.crc32(text.encode())),
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":"), ensure_ascii=False),
        "version": version,
    }


def _statements(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    statements = document.get("Statement") or []
    return [statements] if isinstance(statements, dict) else list(statements)


def _refuse_shared_sids(statements: list[dict[str, Any]], where: str) -> None:
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    shared = sorted({sid for sid in sids if sids.count(sid) > 1})
    if shared:
        raise InputError(
            *(
                Fault(f"two {where} of a policy document have the Sid {sid}", "Give each its own, or none.")
                for sid in shared
            )
        )


def _overlay(below: list[dict[str, Any]], above: list[dict[str, Any]]) -> list[dict[str, Any]]:
    merged = list(below)
    for statement in above:
        sid = statement.get("Sid")
        place = next((index for index, known in enumerate(merged) if sid and known.get("Sid") == sid), None)
        if place is None:
            merged.append(statement)
        else:
            merged[place] = statement
    return merged


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {"Sid": given["sid"]} if given.get("sid") else {}
    statement["Effect"] = given.get("effect") or "Allow"
    for key, name in _LISTS:
        if given.get(key):
            statement[name] = _one_or_sorted(given[key])
    for key, name in _PRINCIPALS:
        if given.get(key):
            statement[name] = _principals(given[key])
    if given.get("conditions"):
        statement["Condition"] = _conditions(given["conditions"])
    return statement


def _principals(given: list[Mapping[str, Any]]) -> str | dict[str, Any]:
    if len(given) == 1 and given[0]["type"] == "*" and list(given[0]["identifiers"]) == ["*"]:
        return "*"
    grouped: dict[str, list[str]] = {}
    for principal in given:
        grouped.setdefault(principal["type"], []).extend(principal["identifiers"])
    return {kind: _one_or_sorted(grouped[kind]) for kind in sorted(grouped)}


def _conditions(given: list[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The values of one test and variable together, in the order they were given."""
    grouped: dict[str, dict[str, list[str]]] = {}
    for condition in given:
        grouped.setdefault(condition["test"], {}).setdefault(condition["variable"], []).extend(condition["values"])
    return {
        test: {name: values[0] if len(values) == 1 else values for name, values in sorted(variables.items())}
        for test, variables in sorted(grouped.items())
    }


def _one_or_sorted(given: Iterable[str]) -> str | list[str]:
    values = sorted(set(given), reverse=True)
    return values[0] if len(values) == 1 else values
