"""What an update lets go though the resource stays: what is kept for less time, or in fewer versions, than before.

Sources: the services' API references. A shorter time takes hold of what lies there already; nobody is asked again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelyard.assess.graph.model import Graph, Node
from modelyard.assess.graph.values import mark
from modelyard.assess.impact.state import Loss, Lost, retention_of

LIFECYCLE: Final = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
IMAGES: Final = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
KEPT: Final[Mapping[str, tuple[Lost, str, str, str, float]]] = {
    "aws:cloudtrail/eventDataStore:EventDataStore": (
        Lost.HISTORY,
        "event data store",
        "retentionPeriod",
        "days",
        2555,
    ),
    "aws:cloudwatch/eventArchive:EventArchive": (Lost.HISTORY, "event archive", "retentionDays", "days", math.inf),
    "aws:cloudwatch/logGroup:LogGroup": (Lost.HISTORY, "log group", "retentionInDays", "days", math.inf),
    "aws:kinesis/stream:Stream": (Lost.DATA, "stream", "retentionPeriod", "hours", 24),
    "aws:rds/cluster:Cluster": (Lost.HISTORY, "database's backups", "backupRetentionPeriod", "days", 1),
    "aws:rds/instance:Instance": (Lost.HISTORY, "database's backups", "backupRetentionPeriod", "days", 0),
}
"""By type: what is lost, what people call it, the property that says how long it is kept, its unit, and what holds
where nobody says; infinity: for ever, which some services write as 0."""


def shortened(before: Graph, past: Node, node: Node) -> Loss | None:
    """What goes by keeping less; None where as much is kept as before. `past`: the node in `before`."""
    if node.type == LIFECYCLE:
        found = list(_of_objects(before, past, node))
        return _loss(Lost.DATA, "bucket", found, _holder(before, past, "bucket"))
    if node.type == IMAGES:
        return _loss(Lost.DATA, "image repository", list(_of_images(past, node)), _holder(before, past, "repository"))
    if node.type not in KEPT:
        return None
    lost, thing, prop, unit, otherwise = KEPT[node.type]
    old, new = (_number(one.properties.get(prop), otherwise) for one in (past, node))
    return _loss(lost, thing, [_said("what it holds", old, new, unit)] if new < old else [], past)


def _loss(lost: Lost, thing: str, found: list[str], holder: Node | None) -> Loss | None:
    if not found:
        return None
    return Loss(lost, thing, "; ".join(found), retention_of(holder) if holder else None, shortens=True)


def _said(what: str, old: float, new: float, unit: str) -> str:
    return f"{what} is kept for {_shown(new)} {unit}, not {'for ever' if old == math.inf else _shown(old)}"


def _shown(number: float) -> str:
    return f"{number:g}"


def _number(value: Any, otherwise: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return otherwise
    return math.inf if otherwise == math.inf and value == 0 else value


def _holder(before: Graph, past: Node, prop: str) -> Node | None:
    urns = past.property_dependencies.get(prop, ())
    return next((before.by_urn[urn] for urn in urns if urn in before.by_urn), None)


def _of_objects(before: Graph, past: Node, node: Node) -> Iterator[str]:
    """Rules that speak of what is there already: one of a prefix that nothing used yet takes nothing."""
    old, new = _rules(past), _rules(node)
    bucket = past.properties.get("bucket")
    for prefix, (days, versions) in new.items():
        if prefix not in old and prefix and not _used(before, past, f"{bucket}/{prefix}"):
            continue
        was = old.get(prefix, old.get("", (math.inf, math.inf)) if prefix else (math.inf, math.inf))
        what = prefix or "all of it"
        if days < was[0]:
            yield _said(what, was[0], days, "days")
        if versions < was[1]:
            yield _said(f"an older version in {what}" if prefix else "an older version", was[1], versions, "days")


def _rules(node: Node) -> dict[str, tuple[float, float]]:
    """By prefix, for how many days objects and their older versions are kept. Rules that ask for tags aren't in it."""
    found: dict[str, tuple[float, float]] = {}
    for rule in node.properties.get("rules") or ():
        chosen = (rule.get("filter") or {}) if isinstance(rule, Mapping) else None
        if chosen is None or rule.get("status") != "Enabled" or chosen.keys() - {"prefix"}:
            continue
        prefix = str(chosen.get("prefix") or rule.get("prefix") or "")
        kept = found.get(prefix, (math.inf, math.inf))
        expiration, versions = rule.get("expiration") or {}, rule.get("noncurrentVersionExpiration") or {}
        found[prefix] = (
            min(kept[0], _number(expiration.get("days"), math.inf)),
            min(kept[1], _number(versions.get("noncurrentDays"), math.inf)),
        )
    return found


def _used(before: Graph, past: Node, place: str) -> bool:
    return any(
        place in json.dumps([mark(value) for value in node.properties.values()], ensure_ascii=False)
        for node in before
        if node.urn != past.urn
    )


def _of_images(past: Node, node: Node) -> Iterator[str]:
    old, new = _counts(past), _counts(node)
    for priority, (kind, count) in new.items():
        was = old.get(priority)
        if was is None or was[0] != kind:
            yield f"rule {priority} lets images go that were kept"
        elif count < was[1]:
            unit = "images" if kind == "imageCountMoreThan" else "days"
            yield f"rule {priority} keeps {_shown(count)} {unit}, not {_shown(was[1])}"


def _counts(node: Node) -> dict[int, tuple[str, float]]:
    try:
        read = json.loads(str(node.properties.get("policy")))
        rules = {int(rule["rulePriority"]): rule["selection"] for rule in read["rules"]}
        return {at: (str(each["countType"]), float(each["countNumber"])) for at, each in rules.items()}
    except (ValueError, TypeError, KeyError):
        return {}
