"""Stacks examined: what the rules say of each, what is waived, and whether the change stops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from modelyard.assess.graph.model import Graph
from modelyard.assess.policy.engine import Judgement, Result, Verdict, judge
from modelyard.assess.policy.profiles import stops
from modelyard.assess.policy.rule import Rule
from modelyard.assess.policy.subject import Surroundings
from modelyard.assess.policy.waivers import Waived, Waiver, divided
from modelyard.blueprints.enforcement import Profile


@dataclass(frozen=True, slots=True)
class Examined:
    """What the rules say of one stack in one environment.

    `results` are those that no waiver covers; `stopping`, a part of them, stop the change under `profile`.
    """

    stack: str
    environment: str
    profile: Profile
    judgement: Judgement
    results: tuple[Result, ...]
    waived: tuple[Waived, ...]
    stopping: tuple[Result, ...]

    @property
    def name(self) -> str:
        """The stack in its environment: `fraud in prod`."""
        return f"{self.stack} in {self.environment}"

    def count(self, verdict: Verdict) -> int:
        """How many results of a kind stand."""
        return sum(1 for result in self.results if result.verdict is verdict)

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "stack": self.stack,
            "environment": self.environment,
            "profile": self.profile,
            "resources": self.judgement.resources,
            "decided": self.judgement.decided,
            "total": self.judgement.total,
            "stops": len(self.stopping),
            "results": [{**result.as_json(), "stops": result in self.stopping} for result in self.results],
            "waived": [
                {**each.result.as_json(), "reason": each.waiver.reason, "owner": each.waiver.owner}
                | {"until": each.waiver.until.isoformat()}
                for each in self.waived
            ],
        }


@dataclass(frozen=True, slots=True)
class Checked:
    """All stacks that were looked at; waivers that covered nothing, and those that end soon."""

    stacks: tuple[Examined, ...]
    rules: tuple[Rule, ...]
    unused: tuple[Waiver, ...]
    ending: tuple[Waiver, ...]

    @property
    def stops(self) -> bool:
        """Whether anything stops the change."""
        return any(each.stopping for each in self.stacks)

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "stops": self.stops,
            "stacks": [each.as_json() for each in self.stacks],
            "unused_waivers": [{"rule": waiver.rule, "urn": waiver.urn} for waiver in self.unused],
            "ending_waivers": [
                {"rule": waiver.rule, "urn": waiver.urn, "until": waiver.until.isoformat()} for waiver in self.ending
            ],
        }


def examine(
    graph: Graph,
    rules: Iterable[Rule],
    around: Surroundings,
    *,
    stack: str,
    profile: Profile,
    tightened: Sequence[str] = (),
    waivers: Sequence[Waiver] = (),
) -> Examined:
    """Judge a graph, take away what is waived, and say what stops. Raises `RuleCrashed`."""
    judgement = judge(graph, rules, around)
    return weighed(judgement, stack, around.environment, profile, tightened, waivers)


def weighed(
    judgement: Judgement,
    stack: str,
    environment: str,
    profile: Profile,
    tightened: Sequence[str] = (),
    waivers: Sequence[Waiver] = (),
) -> Examined:
    """What of a judgement stands beside the waivers, and what of that stops the change."""
    results, waived = divided(judgement.results, waivers)
    stopping = tuple(result for result in results if stops(profile, result, tightened))
    return Examined(stack, environment, profile, judgement, tuple(results), tuple(waived), stopping)
