"""`yard plan`: what the files would change, beside a commit, a state, a real preview, or what is deployed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from modelyard.assess.graph.model import STACK_TYPE, Graph, Node, urn_of
from modelyard.assess.graph.monitor import STACK_REFERENCE_TYPE
from modelyard.assess.graph.readers import from_state
from modelyard.assess.impact.files import with_contents
from modelyard.assess.impact.forecast import Forecast, forecast
from modelyard.assess.impact.plan import Plan, Planned
from modelyard.assess.impact.previewed import previewed
from modelyard.assess.impact.settling import settled
from modelyard.blueprints.project import PLATFORM_PROJECT, Project
from modelyard.core.errors import Fault, InputError, Source
from modelyard.operate.at_ref import project_at
from modelyard.operate.recorded import PLATFORM, Recorder, stacks_of, stacks_there
from modelyard.operate.states import deployed, named, text_of

Tell = Callable[[str], None]


def planned(
    project: Project,
    *,
    what: str | None = None,
    environment: str | None = None,
    against: str | None = None,
    state: Path | None = None,
    preview: Path | None = None,
    sandbox: bool = False,
    tell: Tell = lambda _: None,
) -> Plan:
    """What the project's files would change.

    `against`: a commit, branch or tag to compare with; `state`: a file of `pulumi stack export`; `preview`: a file of
    `pulumi preview --json`, in place of a forecast. With none of them: the deployed state of the environment, the first
    one where none is named. `tell` hears of each stack. Raises `InputError` for what can't be compared, `SpecError`
    with the faults of files, and `EnvironmentFault` where no deployed state is at hand.
    """
    given = [name for name, one in (("--against", against), ("--state", state), ("--preview", preview)) if one]
    if len(given) > 1:
        raise InputError(Fault(f"{' and '.join(given)} exclude one another", "Name one source.", Source(given[1])))
    if preview is not None:
        return Plan((_of_preview(project, preview, what, environment),))
    if state is not None:
        return Plan((_of_state(project, state, what, environment, tell),))
    if against is not None:
        with project_at(project, against) as earlier:
            return planned_beside(Recorder(earlier), Recorder(project), against, what, environment, tell)
    return Plan(tuple(_of_deployed(project, what, environment, sandbox=sandbox, tell=tell)))


def planned_beside(
    earlier: Recorder,
    now: Recorder,
    against: str,
    what: str | None = None,
    environment: str | None = None,
    tell: Tell = lambda _: None,
) -> Plan:
    """What getting from an earlier version of a project to the present one would change. `against`: its name.

    Absent: all stacks, every environment. Raises `InputError` for a stack that neither version has.
    """
    found: list[Planned] = []
    after, before = (dict(stacks_there(one.project, what, environment)) for one in (now, earlier))
    if not after and not before:
        list(stacks_of(now.project, what, environment))
    left = [f"{name} in {env}" for env, names in before.items() for name in names if name not in after.get(env, ())]
    for env, names in after.items():
        for name in names:
            tell(f"{name} in {env}")
            old = _with_contents(earlier, name, env) if name in before.get(env, ()) else None
            found.append(Planned(name, env, against, _forecast(now, name, env, old)))
    return Plan(tuple(found), tuple(left))


def _with_contents(recorder: Recorder, name: str, environment: str, *, preview: bool = False) -> Graph:
    project = recorder.project
    folder = project.platform_folder if name == PLATFORM else project.stacks_folder
    return with_contents(recorder.graph(name, environment, preview=preview), folder, project.root)


def _forecast(now: Recorder, name: str, environment: str, before: Graph | None, *, deployed: bool = False) -> Forecast:
    after = _with_contents(now, name, environment)
    if before is None:
        return forecast(Graph(after.project, after.stack, ()), after)
    if deployed:
        after = settled(after, before)
    return forecast(before, after, lambda: _with_contents(now, name, environment, preview=True))


def _of_deployed(
    project: Project, what: str | None, environment: str | None, *, sandbox: bool, tell: Tell
) -> Iterator[Planned]:
    where, states = deployed(project, what, environment, sandbox=sandbox, instead="yard plan --against main")
    platforms = {where.environment: states[PLATFORM]} if states.get(PLATFORM) else {}
    recorder = Recorder(project, platforms)
    for name in where.names if what is None else [what]:
        tell(f"{name} in {where.environment}")
        said = _forecast(recorder, name, where.environment, states.get(name), deployed=True)
        yield Planned(name, where.environment, "what is deployed" if name in states else "nothing deployed", said)


def _of_state(project: Project, file: Path, what: str | None, environment: str | None, tell: Tell) -> Planned:
    before = from_state(text_of(file, "--state"), file=str(file))
    name, env = named(project, before, file, "--state", what, environment)
    tell(f"{name} in {env}")
    recorder = Recorder(project, {env: platform} if (platform := _referenced(before)) else {})
    return Planned(name, env, str(file), _forecast(recorder, name, env, before, deployed=True))


def _referenced(team: Graph) -> Graph | None:
    """The platform's stack as a deployed team's stack knows it: what it exports. None in any other stack."""
    for node in team.of_type(STACK_REFERENCE_TYPE):
        exported = node.outputs.get("outputs")
        if isinstance(exported, Mapping):
            stack = str(node.properties.get("name")).rpartition("/")[2]
            root = urn_of(stack, PLATFORM_PROJECT, STACK_TYPE, f"{PLATFORM_PROJECT}-{stack}", None)
            return Graph(PLATFORM_PROJECT, stack, (Node(root, STACK_TYPE, stack, custom=False, outputs=exported),))
    return None


def _of_preview(project: Project, file: Path, what: str | None, environment: str | None) -> Planned:
    said = previewed(text_of(file, "--preview"), file=str(file))
    name, env = named(project, said, file, "--preview", what, environment)
    return Planned(name, env, "what is deployed, by the engine's preview", said)
