"""The forecast: two graphs of a stack, and what the engine will do to get from one to the other.

The engine decides by asking the provider; this asks the table of `replacing`, and where that doesn't know it says *may
replace*. A test compares forecasts with the real engine's previews, URN by URN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from modelyard.assess.graph.model import CLOUD_CONTROL_TYPE, STACK_TYPE, Graph, Node
from modelyard.assess.graph.values import undecided
from modelyard.assess.impact.changes import Change, changes, uncompared
from modelyard.assess.impact.disturbing import disturbed, impossible
from modelyard.assess.impact.matching import predecessors
from modelyard.assess.impact.renames import Rename, renames
from modelyard.assess.impact.replacing import Effect, effect, known
from modelyard.assess.impact.shortening import shortened
from modelyard.assess.impact.state import Loss, Lost, loss_of, replaced_inside
from modelyard.core.errors import Source

_REFERENCE: Final = "pulumi:pulumi:StackReference"


class Op(StrEnum):
    """What happens to a resource, the worst first."""

    DELETE = "delete"
    REPLACE = "replace"
    MAY_REPLACE = "may replace"
    UPDATE = "update"
    CREATE = "create"
    IMPORT = "import"
    SAME = "same"

    @property
    def destroys(self) -> bool:
        """Whether what there is goes, or may go."""
        return self in (Op.DELETE, Op.REPLACE, Op.MAY_REPLACE)


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one resource.

    `was`: its URN before, where it had another. `because`: reasons that no property tells. `deletes_first`: the old one
    goes before the new one is there. `against`: the options that stand against a deletion. `loses`: what goes with it,
    or what it no longer keeps. `disturbs`: what is interrupted though nothing is lost. `impossible`: why the service
    refuses it. `dependents`: URNs of what depends on it, directly or not. `uncompared`: secrets that couldn't be
    compared.
    """

    urn: str
    type: str
    name: str
    op: Op
    custom: bool = True
    component: str = ""
    was: str = ""
    changes: tuple[Change, ...] = ()
    because: tuple[str, ...] = ()
    deletes_first: bool = False
    against: tuple[str, ...] = ()
    loses: Loss | None = None
    disturbs: tuple[str, ...] = ()
    impossible: str = ""
    dependents: tuple[str, ...] = ()
    uncompared: tuple[str, ...] = ()
    source: Source | None = None

    def as_json(self) -> dict[str, Any]:
        """The step as `--json` prints it."""
        return {
            "urn": self.urn,
            "type": self.type,
            "name": self.name,
            "op": str(self.op),
            "component": self.component,
            "was": self.was,
            "changes": [change.as_json() for change in self.changes],
            "because": list(self.because),
            "deletes_first": self.deletes_first,
            "against": list(self.against),
            "loses": self.loses.as_json() if self.loses else None,
            "disturbs": list(self.disturbs),
            "impossible": self.impossible,
            "dependents": list(self.dependents),
            "uncompared": list(self.uncompared),
            "source": str(self.source) if self.source else None,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the engine itself said of a resource: the step, and the properties that replace it."""

    op: Op
    replacing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Forecast:
    """What happens to one stack: a step for each resource that doesn't stay as it is, the worst first.

    `same`: how many stay. `renames`: what seems to be the same under another name, and would be replaced for it.
    """

    project: str
    stack: str
    steps: tuple[Step, ...]
    same: int
    renames: tuple[Rename, ...] = ()

    @property
    def counts(self) -> Mapping[str, int]:
        """How many resources, components aside, each thing happens to."""
        found = Counter(str(step.op) for step in self.steps if step.custom)
        return {str(op): found[str(op)] for op in Op if found[str(op)]}

    @property
    def destroying(self) -> tuple[Step, ...]:
        """The steps that something is lost by."""
        return tuple(step for step in self.steps if step.loses is not None)

    @property
    def impossible(self) -> tuple[Step, ...]:
        """The steps that the service refuses."""
        return tuple(step for step in self.steps if step.impossible)

    def as_json(self) -> dict[str, Any]:
        """The forecast as `--json` prints it."""
        return {
            "pulumi_stack": f"{self.project}/{self.stack}",
            "counts": {**self.counts, "same": self.same},
            "steps": [step.as_json() for step in self.steps],
            "renames": [rename.as_json() for rename in self.renames],
        }


def forecast(
    before: Graph,
    after: Graph,
    undeployed: Callable[[], Graph] | None = None,
    *,
    verdicts: Mapping[str, Verdict] | None = None,
) -> Forecast:
    """What getting from `before` to `after` does.

    `verdicts`: what the engine said, by URN, of all that it changes; then nothing is guessed.

    `undeployed` gives `after` recorded as a preview, where what the deployment computes is unknown; it is only asked
    where something that others read from is made anew. Absent: all that they read from it counts as new.
    """
    known_steps = _Forecaster(before, after, undeployed, verdicts).steps()
    told = sorted((step for step in known_steps if step.op is not Op.SAME), key=_badness)
    same = sum(1 for step in known_steps if step.op is Op.SAME and step.custom)
    stack = after if after.stack else before
    return Forecast(stack.project, stack.stack, tuple(told), same, tuple(renames(before, after)))


@dataclass(slots=True)
class _Forecaster:
    before: Graph
    after: Graph
    undeployed: Callable[[], Graph] | None
    verdicts: Mapping[str, Verdict] | None = None
    _decided: dict[str, Step] = field(default_factory=dict[str, Step])
    _preview: Graph | None = None
    _past: Mapping[str, Node] = field(init=False)

    def __post_init__(self) -> None:
        self._past = predecessors(self.before, self.after)

    def steps(self) -> list[Step]:
        matched = {node.urn for node in self._past.values()}
        found = [self._step(node) for node in self.after]
        found += [self._deleted(node) for node in self.before if node.urn not in matched and _counts(node)]
        going = (Op.REPLACE, Op.MAY_REPLACE) if self.verdicts is None else ()
        for step in [step for step in found if step.op in going]:
            self._with_those_that_go_along(step, found)
        return [replace(step, dependents=self._dependents(step)) if step.op.destroys else step for step in found]

    def _with_those_that_go_along(self, cause: Step, found: list[Step]) -> None:
        """`replaceWith` replaces what names a replaced resource."""
        for index, step in enumerate(found):
            node = self.after.by_urn.get(step.urn)
            if node and cause.urn in node.options.get("replaceWith", ()) and not step.op.destroys:
                reason = f"is replaced with {cause.name}"
                past = self._past.get(node.urn)
                if past is not None:
                    found[index] = self._made(node, past, step.changes, cause.op, (reason,))

    def _step(self, node: Node) -> Step:
        """What happens to a node of the later graph; what it reads from is decided first."""
        if (decided := self._decided.get(node.urn)) is not None:
            return decided
        self._decided[node.urn] = _told(node, Op.SAME)
        self._decided[node.urn] = made = self._decide(node)
        return made

    def _decide(self, node: Node) -> Step:
        past = self._past.get(node.urn)
        if not _counts(node):
            return _told(node, Op.SAME)
        if past is not None and self.verdicts is not None:
            return self._said(node, past, self.verdicts.get(node.urn, Verdict(Op.SAME)))
        if past is None:
            made = _told(node, Op.IMPORT if node.options.get("importId") else Op.CREATE)
            return replace(made, component=self._component(self.after, node))
        if not node.custom:
            found = changes(past, node)
            return self._made(node, past, tuple(found), Op.UPDATE if found else Op.SAME, ())
        renewed, forced = self._renewed(node, past)
        found = changes(past, node, renewed)
        told = {_top(change.path) for change in found}
        dragged = {prop: name for prop, name in forced.items() if effect(node, prop) is Effect.REPLACES}
        because = [f"{prop} comes from {name}, which goes first" for prop, name in dragged.items() if prop not in told]
        effects = {change.effect for change in found}
        doubtful = list(self._doubts(node, past))
        trigger = node.options.get("replacementTrigger") != past.options.get("replacementTrigger")
        if dragged or trigger or Effect.REPLACES in effects:
            op = Op.REPLACE
        elif doubtful or Effect.MAY in effects:
            op = Op.MAY_REPLACE
        else:
            op = Op.UPDATE if found else Op.SAME
        inside = replaced_inside(past, node)
        reasons = (*because, *doubtful, *(["its replacement trigger changes"] if trigger else []), *inside)
        made = self._made(node, past, tuple(found), op, reasons, inside=bool(inside))
        return replace(made, deletes_first=True) if dragged else made

    def _said(self, node: Node, past: Node, verdict: Verdict) -> Step:
        """The step that the engine decided on."""
        if verdict.op is Op.SAME:
            return _told(node, Op.SAME)
        found = [
            replace(change, effect=Effect.REPLACES if _top(change.path) in verdict.replacing else Effect.UPDATES)
            for change in changes(past, node)
        ]
        inside = replaced_inside(past, node)
        made = self._made(node, past, tuple(found), verdict.op, tuple(inside), inside=bool(inside))
        told = {_top(change.path) for change in found}
        hidden = [f"{prop} changes" for prop in sorted(verdict.replacing - told)]
        if verdict.op is Op.REPLACE and not verdict.replacing:
            hidden = ["what it reads from is replaced"]
        return replace(made, because=(*made.because, *hidden))

    def _made(
        self,
        node: Node,
        past: Node,
        found: tuple[Change, ...],
        op: Op,
        because: tuple[str, ...],
        *,
        inside: bool = False,
    ) -> Step:
        goes = op.destroys and node.custom
        return Step(
            node.urn,
            node.kind,
            node.name,
            op,
            custom=node.custom,
            component=self._component(self.after, node),
            was=past.urn if past.urn != node.urn else "",
            changes=found,
            because=because,
            deletes_first=goes and _deletes_first(past, node),
            against=_against(past) if goes else (),
            loses=_lost(past) if goes or inside else shortened(self.before, past, node),
            disturbs=() if goes else disturbed(self.after, past, node),
            impossible="" if op in (Op.SAME, Op.REPLACE) else impossible(past, node),
            uncompared=tuple(uncompared(past, node)),
            source=node.source,
        )

    def _deleted(self, node: Node) -> Step:
        return Step(
            node.urn,
            node.kind,
            node.name,
            Op.DELETE,
            custom=node.custom,
            component=self._component(self.before, node),
            against=_against(node),
            loses=_lost(node),
        )

    def _renewed(self, node: Node, past: Node) -> tuple[set[str], dict[str, str]]:
        """The properties that get a new value by what they read from, and those whose source goes first."""
        renewed: set[str] = set()
        forced: dict[str, str] = {}
        for prop, urns in node.property_dependencies.items():
            for urn in urns:
                source = self.after.by_urn.get(urn)
                if source is None or not source.custom:
                    continue
                step = self._step(source)
                if step.op is Op.REPLACE and step.deletes_first:
                    forced[prop] = step.name
                anew = step.op in (Op.CREATE, Op.REPLACE)
                if (anew and self._computed(node, prop)) or (
                    step.op is Op.UPDATE and _reads_volatile(node, prop, source)
                ):
                    renewed.add(prop)
        return renewed, forced

    def _computed(self, node: Node, prop: str) -> bool:
        """Whether the deployment computes the value, or a part of it."""
        if self.undeployed is None:
            return True
        if self._preview is None:
            self._preview = self.undeployed()
        there = self._preview.by_urn.get(node.urn)
        return there is None or undecided(there.properties.get(prop))

    def _doubts(self, node: Node, past: Node) -> Iterator[str]:
        """What may replace although no property changes."""
        if node.type != past.type:
            yield f"its type was {past.type}"
        named, was = node.provider, past.provider
        if named != was and not (named in self._past and self._past[named].urn == was):
            yield "another provider makes it"
        provider = self.after.by_urn.get(named)
        if provider is not None and self._step(provider).op in (Op.REPLACE, Op.MAY_REPLACE):
            yield f"its provider, {provider.name}, may be replaced"

    def _component(self, graph: Graph, node: Node) -> str:
        above = graph.top_component_of(node)
        return above.name if above else ""

    def _dependents(self, step: Step) -> tuple[str, ...]:
        graph, urn = (self.after, step.urn) if step.urn in self.after.by_urn else (self.before, step.urn)
        found: dict[str, None] = {}
        waiting = [urn]
        while waiting:
            for node in graph.dependents(waiting.pop()):
                if node.urn not in found and node.urn != urn:
                    found[node.urn] = None
                    waiting.append(node.urn)
        return tuple(sorted(found))


def _badness(step: Step) -> tuple[int, int, str]:
    """What is lost first, the worst of it at the top."""
    lost = len(Lost) if step.loses is None else list(Lost).index(step.loses.lost)
    return lost, list(Op).index(step.op), step.urn


def _counts(node: Node) -> bool:
    """Whether the engine does anything to the node: it only reads what is external, and references."""
    return not node.external and node.type not in (STACK_TYPE, _REFERENCE)


def _top(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


def _told(node: Node, op: Op) -> Step:
    return Step(node.urn, node.kind, node.name, op, custom=node.custom, source=node.source)


def _against(node: Node) -> tuple[str, ...]:
    options = node.options
    found = [f"{name}" for name in ("protect", "retainOnDelete") if options.get(name)]
    with_ = options.get("deletedWith")
    return (*found, *([f"deletedWith {str(with_).rpartition('::')[2]}"] if with_ else []))


def _lost(node: Node) -> Loss | None:
    """What a deletion takes; nothing of what Pulumi is told to leave in the cloud."""
    return None if node.options.get("retainOnDelete") else loss_of(node)


def _deletes_first(past: Node, node: Node) -> bool:
    """Whether the old one goes before the new one: by its options, or since the cloud would take both for one."""
    said = node.options.get("deleteBeforeReplace")
    if said is not None:
        return bool(said)
    table = known(node.type)
    if table.deletes_first:
        return True
    if node.type == CLOUD_CONTROL_TYPE or not table.identity:
        return False
    if table.named and node.properties.get(table.named) is None:
        return False
    return all(past.properties.get(prop) == node.properties.get(prop) for prop in table.identity)


def _reads_volatile(node: Node, prop: str, source: Node) -> bool:
    """Whether a value holds one that an update of its source computes anew."""
    texts = [str(source.outputs[name]) for name in known(source.type).volatile if name in source.outputs]
    held = str(node.properties.get(prop))
    return any(len(text) > 3 and text in held for text in texts)


def worst(steps: Iterable[Step]) -> Op:
    """The worst that happens; SAME where nothing does."""
    return min((step.op for step in steps), key=list(Op).index, default=Op.SAME)
