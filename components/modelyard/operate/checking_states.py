"""`yard check --deployed` and `--state`: every rule asked of stacks as they are deployed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.readers import from_state
from modelyard.assess.policy.around import examined
from modelyard.assess.policy.examine import Checked, Examined
from modelyard.assess.policy.own import rules_of
from modelyard.assess.policy.waivers import ending, waivers_of
from modelyard.blueprints.enforcement import Profile
from modelyard.blueprints.project import Project
from modelyard.core.errors import Fault, InputError, Source
from modelyard.operate.checking import profile_of
from modelyard.operate.states import deployed, named, text_of


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
    chosen = profile_of(project.platform(environment), profile)
    for name, graph in graphs.items():
        tell(f"{name} in {environment}")
        found.append(examined(project, graph, name, environment, today=today, profile=chosen))
    rules = rules_of(project.root)
    return Checked(tuple(found), rules, (), tuple(ending(waivers_of(project.root, today, rules), today)))
