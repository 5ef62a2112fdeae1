"""What the page's template is filled with, and what its script reads: plain lists and texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from modelyard.assess.cost.figures import changed, dollars
from modelyard.assess.impact.outputs import left_behind
from modelyard.assess.policy.around import PLATFORM
from modelyard.assess.policy.engine import Result, Verdict
from modelyard.assess.report.boxes import LANES, OTHER, Box, boxes_of, owner_of
from modelyard.assess.report.lineage import reads
from modelyard.assess.report.model import Report, StackReport
from modelyard.assess.report.rows import changes, reach, rules, severities, waiver_notes, where

OPEN_STACKS: Final = 7
"""More stacks than these begin closed: one looks for one's own first."""


def view(report: Report) -> dict[str, Any]:
    """Everything that the page shows, in the order in which it shows it."""
    made = _View(report)
    results = list(made.results())
    stacks = [made.stack(index) for index in range(len(report.stacks))]
    return {
        "title": report.title,
        "made_at": report.made_at.strftime("%Y-%m-%d %H:%M UTC"),
        "source": _source(report.source),
        "only_picture": report.only_picture,
        "against": report.against,
        "environments": report.environments,
        "teams": sorted({one.stack for one in report.stacks} - {PLATFORM}),
        "stacks": stacks,
        "boxes": made.shown,
        "results": results,
        "waived": list(made.waived()),
        "notes": list(waiver_notes(report)),
        "rules": list(rules(report)),
        "costs": list(made.costs()),
        "changes": list(changes(report)),
        "left": [left_behind(name) for name in report.plan.left] if report.plan else [],
        "gone": [(name, dollars(amount)) for name, amount in report.gone.items()],
        "reaches": [reach(one) for one in report.stacks if one.reaches or one.uses],
        "reads": made.reads,
        "totals": _totals(report),
        "data": made.data(results),
    }


class _View:
    """Numbers the boxes of all stacks, so that rows of the page and of the script's data can name them."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.boxes: list[tuple[int, Box]] = []
        self.number: dict[tuple[str, str], int] = {}
        for index, one in enumerate(report.stacks):
            for box in boxes_of(one.graph):
                self.number[one.name, box.key] = len(self.boxes)
                self.boxes.append((index, box))
        self._found = self._results_by_box()
        self._prices = self._prices_by_box()
        self.reads = [row for one in report.stacks for row in self._reads(one)]
        self._reading: defaultdict[int, list[list[Any]]] = defaultdict(list)
        self._read: defaultdict[int, list[list[Any]]] = defaultdict(list)
        for row in self.reads:
            for reader in row["read_by"]:
                if row["made_by"] is not None:
                    self._reading[reader["box"]].append([row["made_by"]["box"], row["path"]])
                    self._read[row["made_by"]["box"]].append([reader["box"], row["path"]])
        self.shown = [self._box(number) for number in range(len(self.boxes))]

    def _results_by_box(self) -> dict[int, list[Result]]:
        found: defaultdict[int, list[Result]] = defaultdict(list)
        for one in self.report.stacks:
            for result in one.examined.results:
                found[self._box_of(one, result.urn)].append(result)
        return found

    def _prices_by_box(self) -> dict[int, tuple[float, float]]:
        found: defaultdict[int, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
        for one in self.report.stacks:
            for line in one.bill.lines:
                number = self._box_of(one, line.urn)
                found[number] = found[number][0] + line.low, found[number][1] + line.high
        return found

    def _box_of(self, one: StackReport, urn: str) -> int:
        return self.number[one.name, owner_of(one.graph, one.graph.by_urn[urn])]

    def _ref(self, stack: str, key: str) -> dict[str, Any] | None:
        number = self.number.get((stack, key))
        return None if number is None else {"box": number, "name": self.boxes[number][1].name}

    def _reads(self, one: StackReport) -> Iterator[dict[str, Any]]:
        if one.graph is one.platform:
            return
        platform = f"{PLATFORM} in {one.environment}"
        for read in reads(one.graph, one.platform):
            yield {
                "environment": one.environment,
                "stack": one.stack,
                "export": read.stack,
                "path": read.path,
                "version": read.version,
                "maker": read.made_by.rpartition("::")[2],
                "made_by": self._ref(platform, read.made_by),
                "read_by": [found for key in read.read_by if (found := self._ref(one.name, key))],
            }

    def _box(self, number: int) -> dict[str, Any]:
        index, box = self.boxes[number]
        one = self.report.stacks[index]
        stopping = set(map(id, one.examined.stopping))
        found = self._found.get(number, [])
        low, high = self._prices.get(number, (0.0, 0.0))
        return {
            "box": number,
            "stack": index,
            "environment": one.environment,
            "team": one.stack,
            "name": box.name,
            "kind": box.kind,
            "lane": box.lane,
            "where": where(box.source),
            "count": len(box.resources),
            "kinds": box.kinds,
            "price": dollars((low, high)) if high else "",
            "stops": sum(1 for result in found if id(result) in stopping),
            "results": severities(found),
            "uses": [self._ref(one.name, key) for key in box.uses],
            "used_by": [self._ref(one.name, key) for key in box.used_by],
            "reads": self._reading[number],
            "read_by": self._read[number],
        }

    def stack(self, index: int) -> dict[str, Any]:
        """A stack with its boxes: by lane, and those of the platform that are one team's under that team."""
        one = self.report.stacks[index]
        mine = [box for box in self.shown if box["stack"] == index]
        teams = {other.stack for other in self.report.stacks if other.environment == one.environment} - {PLATFORM}
        owned = {box["box"]: _team_of(box["name"], teams) if one.stack == PLATFORM else "" for box in mine}
        judgement = one.examined.judgement
        lanes = {
            lane: [box for box in mine if box["lane"] == lane and not owned[box["box"]]] for lane in (*LANES, OTHER)
        }
        return {
            "environment": one.environment,
            "stack": one.stack,
            "name": one.name,
            "profile": one.examined.profile,
            "region": one.region,
            "decided": judgement.decided,
            "total": judgement.total,
            "stops": len(one.examined.stopping),
            "results": severities(one.examined.results),
            "price": dollars(one.price),
            "resources": sum(box["count"] for box in mine),
            "components": len(mine),
            "lanes": {lane: found for lane, found in lanes.items() if found},
            "for_teams": {
                team: found for team in sorted(teams) if (found := [box for box in mine if owned[box["box"]] == team])
            },
            "open": len(self.report.stacks) <= OPEN_STACKS or bool(one.examined.stopping),
        }

    def results(self) -> Iterator[dict[str, Any]]:
        """Every result that no waiver covers: what stops first, then by severity."""
        rows = [
            (one, result, any(result is each for each in one.examined.stopping))
            for one in self.report.stacks
            for result in one.examined.results
        ]
        rows.sort(key=lambda row: not row[2])
        for one, result, stops in rows:
            yield {**self._result(one, result), "stops": stops}

    def _result(self, one: StackReport, result: Result) -> dict[str, Any]:
        return {
            "environment": one.environment,
            "team": one.stack,
            "severity": str(result.rule.severity),
            "undecided": result.verdict is Verdict.UNDECIDED,
            "rule": result.rule.id,
            "title": result.rule.title,
            "why": result.rule.why,
            "remedy": result.rule.remedy,
            "maps": list(result.rule.maps),
            "resource": result.urn.rpartition("::")[2],
            "problem": result.problem,
            "where": where(result.source),
            "box": self._box_of(one, result.urn),
        }

    def waived(self) -> Iterator[dict[str, Any]]:
        """What a waiver covers."""
        for one in self.report.stacks:
            for each in one.examined.waived:
                waiver = each.waiver
                yield {
                    **self._result(one, each.result),
                    "reason": waiver.reason,
                    "owner": waiver.owner,
                    "until": waiver.until.isoformat(),
                }

    def costs(self) -> Iterator[dict[str, Any]]:
        """The price of each stack, with its parts."""
        most = max((one.bill.high for one in self.report.stacks), default=0.0) or 1.0
        for one in self.report.stacks:
            bill, unknown = one.bill, Counter(each.what for each in one.bill.unknown)
            qualities = bill.by_quality()
            yield {
                "environment": one.environment,
                "team": one.stack,
                "price": dollars(one.price),
                "low": round(100 * bill.low / most, 2),
                "high": round(100 * bill.high / most, 2),
                "change": changed(one.price_change) if one.price_change else "",
                "parts": [(name, dollars(amount)) for name, amount in bill.by_component().items() if amount[1] >= 1],
                "unknown": sorted(unknown.items()),
                "rests": [
                    f"{usd / bill.high:.0%} {quality}" for quality, usd in qualities.items() if bill.high and usd
                ],
            }

    def data(self, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What the script reads: names are numbers into lists, since there may be fifteen thousand resources."""
        kinds, insides, places = _Numbers(), _Numbers(), _Numbers()
        held = [
            [
                [
                    resource.name,
                    kinds.of(resource.kind),
                    insides.of(resource.inside),
                    places.of(where(resource.source)),
                    int(resource.protected) + 2 * int(resource.transformed),
                ]
                for resource in box.resources
            ]
            for _, box in self.boxes
        ]
        keep = ("name", "kind", "team", "environment", "where", "price", "reads", "read_by")
        boxes = [
            {key: box[key] for key in keep} | {key: [ref["box"] for ref in box[key]] for key in ("uses", "used_by")}
            for box in self.shown
        ]
        told = ("severity", "undecided", "rule", "resource", "problem", "remedy", "where", "box", "stops")
        return {
            "boxes": boxes,
            "resources": held,
            "kinds": kinds.names,
            "insides": insides.names,
            "places": places.names,
            "results": [{key: row[key] for key in told} for row in results],
        }


class _Numbers:
    """Gives each name a number, by its first use."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(self, name: str) -> int:
        return self._known.setdefault(name, len(self._known))

    @property
    def names(self) -> list[str]:
        return list(self._known)


def _totals(report: Report) -> dict[str, Any]:
    stacks = report.stacks
    plan = report.plan
    counts = Counter[str]()
    for planned in plan.stacks if plan else ():
        counts.update(planned.forecast.counts)
    results = [result for one in stacks for result in one.examined.results]
    change = report.price_change
    return {
        "stacks": len(stacks),
        "resources": sum(
            1 for one in stacks for node in one.graph if node.custom and not node.type.startswith("pulumi:")
        ),
        "stops": sum(len(one.examined.stopping) for one in stacks),
        "results": severities(results),
        "told": len(results),
        "decided": sum(one.examined.judgement.decided for one in stacks),
        "asked": sum(one.examined.judgement.total for one in stacks),
        "price": dollars(report.price),
        "unknown": sum(len(one.bill.unknown) for one in stacks),
        "compared": change is not None,
        "change": changed(change) if change else "",
        "forecast": plan is not None,
        "changes": dict(counts),
        "losses": len(plan.destroying) if plan else 0,
        "loss": plan.summary if plan else "",
        "refused": sum(len(reach.refused) for one in stacks for reach in one.reaches),
    }


def _team_of(name: str, teams: set[str]) -> str:
    """The team that a component of the platform is for: its name begins with the team's."""
    found = [team for team in teams if name == team or name.startswith(f"{team}-")]
    return max(found, key=len, default="")


def _source(source: Mapping[str, Any]) -> str:
    commit = source.get("commit")
    if not commit:
        return ""
    return f"{commit[:12]}{', with changes that are not committed' if source.get('dirty') else ''}"
