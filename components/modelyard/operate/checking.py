"""`yard check`: stacks recorded from a project's files, and every rule asked. No cloud, no login, no engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final

from modelyard.assess.policy.examine import Checked, Examined, examine
from modelyard.assess.policy.profiles import unknown_rules
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.waivers import ending, unused, waivers_of
from modelyard.blueprints.enforcement import Profile
from modelyard.blueprints.project import Project
from modelyard.blueprints.spec import PlatformSpec
from modelyard.core.errors import Fault, InputError, Source, SpecError
from modelyard.operate.recorded import Recorder, stacks_of, surroundings


def checked(
    project: Project,
    *,
    what: str | None = None,
    environment: str | None = None,
    profile: Profile | None = None,
    today: date | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Checked:
    """What the rules say of the project's stacks.

    `what`: platform or a team; absent, all. `environment`: absent, every one. `profile`: for all of them, instead of
    what the platform's file says; a milder one than that is refused. `tell` hears of each stack. Raises `SpecError`
    with the faults of the files, the waivers' among them, and `RuleCrashed`.
    """
    day = today or datetime.now(UTC).date()
    waivers = waivers_of(project.root, day, CATALOGUE)
    recorder, found = Recorder(project), list[Examined]()
    for env, names in stacks_of(project, what, environment):
        spec = project.platform(env)
        faults = list(unknown_rules(spec.policy, CATALOGUE))
        if faults:
            raise SpecError(*faults)
        chosen = _profile(spec, profile)
        for name in names:
            tell(f"{name} in {env}")
            found.append(
                examine(
                    recorder.graph(name, env),
                    CATALOGUE,
                    surroundings(spec, name, env),
                    stack=name,
                    profile=chosen,
                    tightened=spec.policy.stops,
                    waivers=waivers,
                )
            )
    covered = [each for one in found for each in one.waived]
    whole = what is None and environment is None
    return Checked(
        tuple(found), CATALOGUE, tuple(unused(waivers, covered)) if whole else (), tuple(ending(waivers, day))
    )


_STRICTNESS: Final[tuple[Profile, ...]] = ("sandbox", "baseline", "regulated")


def _profile(spec: PlatformSpec, asked: Profile | None) -> Profile:
    says = spec.policy.chosen(production=spec.production, sandbox=spec.sandbox)
    if asked is None:
        return says
    if _STRICTNESS.index(asked) < _STRICTNESS.index(says):
        problem = f"is milder than the environment's own, {says}"
        raise InputError(Fault(problem, "Leave it out, or name a stricter one.", Source("--profile"), asked))
    return asked
