"""`yard check`: every rule asked of a project's stacks, as its files describe them, or as they are deployed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.readers import from_state
from modelyard.assess.policy.around import examined, faults_of
from modelyard.assess.policy.engine import Judgement
from modelyard.assess.policy.examine import Checked, Examined, weighed
from modelyard.assess.policy.own import rules_of
from modelyard.assess.policy.profiles import unknown_rules
from modelyard.assess.policy.waivers import ending, unused, waivers_of
from modelyard.blueprints.enforcement import Profile
from modelyard.blueprints.project import Project
from modelyard.blueprints.spec import PlatformSpec
from modelyard.core.errors import Fault, InputError, Source, SpecError
from modelyard.operate.answers import Answers
from modelyard.operate.checkov import with_checkov
from modelyard.operate.judging import judgements
from modelyard.operate.recorded import stacks_of
from modelyard.operate.states import deployed, named, text_of


def checked(
    project: Project,
    *,
    what: str | None = None,
    environment: str | None = None,
    profile: Profile | None = None,
    today: date | None = None,
    checkov: bool = False,
    answers: Answers | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Checked:
    """What the rules say of the project's stacks.

    `what`: platform or a team; absent, all. `environment`: absent, every one. `profile`: for all of them, instead of
    what the platform's file says; a milder one than that is refused. `checkov`: asked as well, whose findings
    stand beside the others. `answers`: what is known from earlier, and is
    added to. `tell` hears of each stack. Raises `SpecError` with the faults of the files, the waivers' among them, and
    `RuleCrashed`.
    """
    day = today or datetime.now(UTC).date()
    rules = rules_of(project.root)
    faults = list[Fault]()
    try:
        waivers = waivers_of(project.root, day, rules)
    except SpecError as error:
        waivers, faults = (), list(error.faults)
    asked = list(stacks_of(project, what, environment))
    specs = {env: project.platform(env) for env, _ in asked}
    for spec in specs.values():
        faults += (*unknown_rules(spec.policy, rules), *faults_of(project, spec))
    if faults:
        raise SpecError(*{str(fault): fault for fault in faults}.values())
    chosen: dict[str, Profile] = {env: _profile(spec, profile) for env, spec in specs.items()}
    stacks = [(name, env) for env, names in asked for name in names]
    judged: Mapping[tuple[str, str], Judgement] = judgements(
        project, stacks, day, rules=rules, answers=answers, tell=tell
    )
    if checkov:
        judged = with_checkov(project, judged, tell=tell)
    found = [
        weighed(judgement, name, env, chosen[env], specs[env].policy.stops, waivers)
        for (name, env), judgement in judged.items()
    ]
    covered = [each for one in found for each in one.waived]
    whole = what is None and environment is None
    return Checked(
        tuple(found),
        rules,
        tuple(unused(waivers, covered, foreign=checkov)) if whole else (),
        tuple(ending(waivers, day)),
    )


def checked_deployed(
    project: Project,
    *,
    what: str | None = None,
    environment: str | None = None,
    profile: Profile | None = None,
    sandbox: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Checked:
    """What the rules say of the deployed states of one environment, the platform's first where none is named."""
    where, states = deployed(project, what, environment, sandbox=sandbox, instead="yard check")
    if not states:
        problem = f"there is nothing deployed in {where.environment}"
        raise InputError(Fault(problem, "Deploy first: yard up platform", Source("--deployed")))
    if what is not None and what not in states:
        raise InputError(Fault("isn't deployed there", f"Deploy it first: yard up {what}", Source("WHAT"), what))
    asked = {name: graph for name, graph in states.items() if what in (None, name)}
    return _of_graphs(project, asked, where.environment, profile, tell)


def checked_state(
    project: Project,
    file: Path,
    *,
    what: str | None = None,
    environment: str | None = None,
    profile: Profile | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Checked:
    """What the rules say of a file that `pulumi stack export` wrote. Raises `InputError` for any other."""
    graph = from_state(text_of(file, "--state"), file=str(file))
    name, env = named(project, graph, file, "--state", what, environment)
    return _of_graphs(project, {name: graph}, env, profile, tell)


def _of_graphs(
    project: Project,
    graphs: Mapping[str, Graph],
    environment: str,
    profile: Profile | None,
    tell: Callable[[str], None],
) -> Checked:
    found, today = list[Examined](), datetime.now(UTC).date()
    chosen = _profile(project.platform(environment), profile)
    for name, graph in graphs.items():
        tell(f"{name} in {environment}")
        found.append(examined(project, graph, name, environment, today=today, profile=chosen))
    rules = rules_of(project.root)
    return Checked(tuple(found), rules, (), tuple(ending(waivers_of(project.root, today, rules), today)))


_STRICTNESS: Final[tuple[Profile, ...]] = ("sandbox", "baseline", "regulated")


def _profile(spec: PlatformSpec, asked: Profile | None) -> Profile:
    says = spec.policy.chosen(production=spec.production, sandbox=spec.sandbox)
    if asked is None:
        return says
    if _STRICTNESS.index(asked) < _STRICTNESS.index(says):
        problem = f"is milder than the environment's own, {says}"
        raise InputError(Fault(problem, "Leave it out, or name a stricter one.", Source("--profile"), asked))
    return asked
