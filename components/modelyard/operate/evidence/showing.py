"""What people are shown of evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from modelyard.core.evidence import MANIFEST, PARTS, differences, why_absent
from modelyard.core.releasing import person
from modelyard.operate.evidence.place import Bundle, Entry
from modelyard.operate.evidence.verifying import Verified
from modelyard.operate.models.showing import table


def listed(found: Sequence[Entry], without: Sequence[tuple[str, int]], names: Sequence[str]) -> Iterator[str]:
    """The lines of `yard evidence list`: bundles, and approved versions without one; `names` were asked for."""
    yield from _listed(found, names)
    for model, version in without:
        yield f"{model} {version} is approved and has no evidence: was it released before any was kept?"


def _listed(found: Sequence[Entry], names: Sequence[str]) -> Iterator[str]:
    if not found:
        yield f"There is no evidence yet of {', '.join(names) or 'any model'}: none was released since it is kept."
        return
    head = ("model", "version", "team", "released (UTC)", "by", "locked", "absent", "manifest")
    rows = [
        (
            one.model,
            str(one.model_version),
            one.team,
            f"{one.released_at:%Y-%m-%d %H:%M}",
            person(one.approved_by),
            f"{one.lock.years} years, {one.lock.mode.lower()}",
            ", ".join(one.absent) or "nothing",
            one.manifest_sha256[:12],
        )
        for one in found
    ]
    yield from table([head, *rows])
    yield ""
    yield f"Next: yard evidence verify {found[0].model} {found[0].model_version}"


def shown(bundle: Bundle) -> Iterator[str]:
    """The lines of `yard evidence show`: what there is, and the gist of it."""
    said, parts = _mapping(bundle.manifest), bundle.parts
    yield f"{bundle.name}  {said.get('package', f'the {MANIFEST} cannot be read')}"
    yield f"released  {str(said.get('released_at', 'unknown'))[:16]} by {person(str(said.get('approved_by', '')))}"
    yield f"written   {str(said.get('written_at', 'unknown'))[:16]}"
    for difference in differences(bundle.files, bundle.index):
        yield f"DON'T BELIEVE IT  {difference}"
    yield ""
    for part, name in PARTS.items():
        value = parts[part]
        if value is None:
            yield f"{name}: CAN'T BE READ"
        elif why := why_absent(value):
            yield f"{name}: absent, {why}"
        else:
            yield f"{name}: {_gist(part, _mapping(value)) or 'there'}"
    yield ""
    yield f"Next: yard evidence verify {bundle.name}   or   yard evidence show {bundle.name} --html FILE"


def _gist(part: str, value: Mapping[str, Any]) -> str:
    match part:
        case "card":
            return f"version {value.get('version')}, {str(value.get('status', '')).lower()}"
        case "lineage":
            return f"data {str(value.get('data_snapshot'))[:12]}, commit {str(value.get('code_commit'))[:12]}"
        case "gates":
            gates = value.get("gates")
            if not isinstance(gates, list):
                return str(gates)
            judged = [_mapping(gate) for gate in cast(list[object], gates)]
            return ", ".join(f"{gate.get('gate')} {'held' if gate.get('held') else 'NOT HELD'}" for gate in judged)
        case "approvals":
            why = f", because {value['reason']}" if value.get("reason") else ""
            return f"{value.get('person')} on {str(value.get('released_at'))[:16]}{why}"
        case "images":
            return f"served by {_mapping(value.get('serving')).get('digest')}"
        case "infrastructure":
            commit = _mapping(value.get("content")).get("commit")
            return f"commit {str(commit)[:12]}" if commit else ""
        case _:
            return ""


def _mapping(value: object) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}


def verified(found: Verified) -> Iterator[str]:
    """The lines of `yard evidence verify`."""
    name = found.bundle.name
    if found.wrong:
        yield f"{name}: THE EVIDENCE DOESN'T HOLD"
        for difference in found.wrong:
            yield f"  {difference}"
        return
    yield f"{name}: the evidence holds. Looked at:"
    for each in found.looked:
        yield f"  {each}"


def listed_as_json(found: Sequence[Entry], without: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """The list, for `--json`."""
    return {
        "bundles": [one.model_dump(mode="json") for one in found],
        "without": [{"model": model, "version": version} for model, version in without],
    }


def bundle_as_json(bundle: Bundle) -> dict[str, Any]:
    """A bundle, for `--json`: the manifest and every part."""
    return {
        "model": bundle.model.name,
        "version": bundle.version,
        "team": bundle.store.registry.team,
        "environment": bundle.store.registry.context.environment,
        "bucket": bundle.store.bucket,
        "manifest": bundle.manifest,
        "parts": bundle.parts,
    }


def verified_as_json(found: Verified) -> dict[str, Any]:
    """What was found, for `--json`."""
    return {
        "model": found.bundle.model.name,
        "version": found.bundle.version,
        "holds": not found.wrong,
        "looked": list(found.looked),
        "wrong": [
            {"file": one.file, "problem": one.problem, "expected": one.expected or None, "found": one.found or None}
            for one in found.wrong
        ],
    }
