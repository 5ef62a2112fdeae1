"""Results as SARIF 2.1.0, which code hosts show in the diff. Source: the OASIS standard."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from modelyard.assess.policy.engine import Result, Verdict
from modelyard.assess.policy.outputs.places import line_of, uri
from modelyard.assess.policy.outputs.rules import every_rule
from modelyard.assess.policy.rule import Rule, Severity
from modelyard.assess.policy.waivers import Waived

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_SECURITY: Final = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
_LEVEL: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}


def sarif(
    results: Sequence[Result], waived: Sequence[Waived], rules: Iterable[Rule], *, version: str
) -> dict[str, Any]:
    """The log of one run: every rule with its help, every result with its place, waived ones as suppressed.

    Rules of other tools are listed where there is a result of them. Files are named from the root of their repository.
    A fingerprint holds no line, so that a code host knows a result again after the file has changed above it.
    """
    listed = every_rule(rules, results, waived)
    index = {rule.id: number for number, rule in enumerate(listed)}
    found = [_result(each, index) for each in results]
    found += [{**_result(each.result, index), "suppressions": [_suppression(each)]} for each in waived]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "modelyard",
                        "semanticVersion": version,
                        "rules": [_rule(rule) for rule in listed],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": found,
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why}\n\n{rule.remedy}", "markdown": f"{rule.why}\n\n**{rule.remedy}**"},
        "defaultConfiguration": {"level": _LEVEL[rule.severity]},
        "properties": {
            "tags": [str(rule.domain), *rule.maps],
            "precision": "very-high",
            "security-severity": _SECURITY[rule.severity],
        },
    }


def _result(result: Result, index: Mapping[str, int]) -> dict[str, Any]:
    rule, name = result.rule, result.urn.rpartition("::")[2]
    key = "\n".join((rule.id, result.urn, result.path, result.verdict, result.problem))
    written: dict[str, Any] = {
        "ruleId": rule.id,
        "ruleIndex": index[rule.id],
        "kind": "open" if result.verdict is Verdict.UNDECIDED else "fail",
        "level": "none" if result.verdict is Verdict.UNDECIDED else _LEVEL[rule.severity],
        "message": {"text": f"{name} {result.problem}. {rule.remedy}"},
        "partialFingerprints": {"modelyard/v1": hashlib.sha256(key.encode()).hexdigest()},
        "properties": {
            "urn": result.urn,
            "path": result.path,
            "problem": result.problem,
            "verdict": str(result.verdict),
            "severity": str(rule.severity),
        },
    }
    logical = [{"fullyQualifiedName": result.urn, "name": name, "kind": "resource"}]
    place: dict[str, Any] = {"logicalLocations": logical}
    source = result.source
    if source is not None and source.file:
        address, base = uri(source.file)
        place["physicalLocation"] = {
            "artifactLocation": {"uri": address, **({"uriBaseId": base} if base else {})},
            "region": {"startLine": line_of(source), **({"startColumn": source.column} if source.column else {})},
        }
        if source.path:
            logical.append({"fullyQualifiedName": source.path, "kind": "member"})
    return {**written, "locations": [place]}


def _suppression(each: Waived) -> dict[str, Any]:
    waiver = each.waiver
    return {
        "kind": "external",
        "status": "accepted",
        "justification": f"{waiver.reason} ({waiver.owner}, until {waiver.until.isoformat()})",
        "properties": {"reason": waiver.reason, "owner": waiver.owner, "until": waiver.until.isoformat()},
    }
