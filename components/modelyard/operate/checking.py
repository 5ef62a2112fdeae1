"""`yard check`: every rule asked of a project's stacks, as its files describe them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Final

from modelyard.assess.policy.around import faults_of
from modelyard.assess.policy.engine import Judgement
from modelyard.assess.policy.examine import Checked, weighed
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
    chosen: dict[str, Profile] = {env: profile_of(spec, profile) for env, spec in specs.items()}
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


_STRICTNESS: Final[tuple[Profile, ...]] = ("sandbox", "baseline", "regulated")


def profile_of(spec: PlatformSpec, asked: Profile | None) -> Profile:
    """What an environment is held to: its own profile, or the one asked for. Raises `InputError` for a milder one."""
    says = spec.policy.chosen(production=spec.production, sandbox=spec.sandbox)
    if asked is None:
        return says
    if _STRICTNESS.index(asked) < _STRICTNESS.index(says):
        problem = f"is milder than the environment's own, {says}"
        raise InputError(Fault(problem, "Leave it out, or name a stricter one.", Source("--profile"), asked))
    return asked
