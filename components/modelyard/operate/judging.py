"""Stacks recorded and judged, several at once, and none twice: what the rules say of each is kept."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final

from modelyard.assess.cost.prices import outdated
from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.stacks import record_platform, record_team
from modelyard.assess.graph.values import mark, undecided, unmark
from modelyard.assess.policy.around import PLATFORM, surroundings
from modelyard.assess.policy.engine import Judgement, judge
from modelyard.assess.policy.own import rules_of
from modelyard.assess.policy.rule import Rule
from modelyard.blueprints.project import Project
from modelyard.core.errors import EnvironmentFault, Fault, InputError, ModelyardError
from modelyard.operate import fingerprints
from modelyard.operate.answers import Answers
from modelyard.operate.opened import grounds, opened

Name = tuple[str, str]
"""A stack and its environment."""
_LOOK: Final = 1.0
"""Seconds after which a worker looks again whether the process that it works for is still there."""
_DIED: Final = Fault(
    "a process that checks stacks was ended from outside, most likely for want of memory",
    "Free some, or ask about fewer stacks at once: yard check TEAM --env ENVIRONMENT",
)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is asked of a worker. `exports`: those of the platform, as JSON; absent, it is recorded for them."""

    root: Path
    name: str
    environment: str
    day: date
    exports: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker says, as JSON; `grounds`: what the program read beyond what the key speaks of, with digests."""

    judgement: dict[str, Any]
    exports: Any
    grounds: Mapping[str, str]


def judgements(
    project: Project,
    stacks: Sequence[Name],
    day: date,
    *,
    rules: Sequence[Rule],
    answers: Answers | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[Name, Judgement]:
    """What `rules`, those of the project, say of each stack: from `answers`, or recorded and judged now.

    Stacks are worked on by as many processes as there are cores. `tell` hears how far it is. Raises `SpecError` with
    the faults of all stacks, `EnvironmentFault` where such a process dies, and `RuleCrashed`.
    """
    asking = _Asking(project, day, answers, rules, len(stacks))
    environments = list(dict.fromkeys(environment for _, environment in stacks))
    found: dict[Name, Judgement] = {}
    with asking.pool() as pool:
        platforms = asking.all([Question(project.root, PLATFORM, each, day) for each in environments], pool, tell)
        exports = {environment: one.exports for (_, environment), one in platforms.items()}
        teams = [
            Question(project.root, name, environment, day, exports[environment])
            for name, environment in stacks
            if name != PLATFORM
        ]
        answered = platforms | asking.all(teams, pool, tell)
    if answers is not None:
        answers.forget_old()
    for each in stacks:
        found[each] = Judgement.from_plain(answered[each].judgement, rules)
    return found


class _Asking:
    """One round of questions."""

    def __init__(self, project: Project, day: date, answers: Answers | None, rules: Iterable[Rule], most: int) -> None:
        self._project = project
        self._answers = answers
        self._same = [fingerprints.library(), [rule.id for rule in rules], day.isoformat(), os.getcwd()]
        self._most = most
        self._begun = time.time_ns()

    @contextmanager
    def pool(self) -> Iterator[Callable[[], ProcessPoolExecutor]]:
        """Gives a function that makes the pool when it is first needed."""
        made, others = list[ProcessPoolExecutor](), multiprocessing.active_children()

        def get() -> ProcessPoolExecutor:
            if not made:
                gc.freeze()
                how = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
                processes = max(1, min(self._most, _cores()))
                begin = partial(_begin_to_work, os.getpid())
                made.append(ProcessPoolExecutor(processes, mp_context=how, initializer=begin))
            return made[0]

        try:
            yield get
        except KeyboardInterrupt:
            for process in multiprocessing.active_children():
                if process not in others:
                    process.terminate()
            raise
        finally:
            for each in made:
                each.shutdown(cancel_futures=True)

    def all(
        self,
        questions: Sequence[Question],
        pool: Callable[[], ProcessPoolExecutor],
        tell: Callable[[str], None],
    ) -> dict[Name, Answer]:
        """The answers; the first is worked out in this process, which loads what the others share with it."""
        found, keys = dict[Name, Answer](), self._keys(questions)
        open_ = [each for each in questions if not self._take(each, keys[each], found)]
        faults, futures = dict[Question, ModelyardError](), dict[Future[Answer], Question]()
        loaded = "pulumi_aws" in sys.modules
        if len(open_) > 1 and loaded:
            futures = _handed_out(open_, pool())
        for number, each in enumerate(open_ if not futures else ()):
            tell(f"{number + 1} of {len(open_)}: {each.name} in {each.environment}")
            self._settle(each, keys[each], lambda each=each: answer(each), found, faults)
            if len(open_) - number > 2:
                futures = _handed_out(open_[number + 1 :], pool())
                break
        done = len(open_) - len(futures)
        for future in as_completed(futures):
            each, done = futures[future], done + 1
            tell(f"{done} of {len(open_)}: {each.name} in {each.environment}")
            self._settle(each, keys[each], future.result, found, faults)
        if faults:
            raise _together([faults[each] for each in open_ if each in faults])
        return found

    def _keys(self, questions: Iterable[Question]) -> dict[Question, str]:
        """What answers are kept under: digests of what lies in the project now."""
        if self._answers is None:
            return dict.fromkeys(questions, "")
        shared = fingerprints.shared(self._project.root)
        return {each: self._key(each, shared) for each in questions}

    def _key(self, each: Question, shared: str) -> str:
        if each.name == PLATFORM:
            own: Any = _headers(self._project, each.environment)
        else:
            own = [fingerprints.of_file(self._project.team_file(each.name)), each.exports]
        return fingerprints.digest(self._same, shared, each.name, each.environment, own)

    def _take(self, each: Question, key: str, found: dict[Name, Answer]) -> bool:
        kept = self._answers.get(key) if self._answers is not None else None
        if kept is not None:
            found[each.name, each.environment] = Answer(kept["judgement"], kept["exports"], {})
        return kept is not None

    def _settle(
        self,
        each: Question,
        key: str,
        result: Callable[[], Answer],
        found: dict[Name, Answer],
        faults: dict[Question, ModelyardError],
    ) -> None:
        try:
            said = result()
        except ModelyardError as error:
            faults[each] = error
            return
        except BrokenExecutor:
            raise EnvironmentFault(_DIED) from None
        found[each.name, each.environment] = said
        if self._answers is None:
            return
        self._answers.grounds |= said.grounds
        saved_meanwhile = fingerprints.touched(self._project.root, said.grounds, self._begun)
        if not saved_meanwhile and self._keys([each])[each] == key:
            self._answers.put(key, {"judgement": said.judgement, "exports": said.exports}, said.grounds)


def answer(question: Question) -> Answer:
    """Record a stack and judge it. Raises `InputError` where it has a ceiling, and no price counts any more."""
    project, name, environment = Project(question.root), question.name, question.environment
    with opened() as heard:
        spec = project.platform(environment)
        around = surroundings(project, spec, name, environment, today=question.day)
        old = outdated(around.prices) if around.ceiling and around.prices else []
        if old:
            raise InputError(*old)
        if name == PLATFORM:
            graph = record_platform(project.root, environment)
        else:
            exports: Any = None if question.exports is None else unmark(question.exports)
            graph = record_team(project.root, name, environment, platform=exports)
        judgement = judge(graph, rules_of(project.root), around)
    read = grounds(project.root, heard, but=lambda path: _in_the_key(project, name, path))
    digests = {each: fingerprints.of_ground(project.root, each) for each in read}
    return Answer(judgement.to_plain(), _exports(graph) if name == PLATFORM else None, digests)


def _in_the_key(project: Project, name: str, path: Path) -> bool:
    """Whether the key of a stack's answer speaks of a file: not of what lies beside the team's file."""
    if path.is_relative_to(project.stacks_folder):
        teams = project.stacks_folder / "teams"
        own = path.suffix == ".yaml" if name == PLATFORM else path == project.team_file(name)
        return path.parent != teams or own
    others = (project.platform_folder, project.root / ".modelyard", fingerprints.LIBRARY)
    return any(path.is_relative_to(folder) for folder in others)


def _exports(platform: Graph) -> Any:
    """What the platform exports, as JSON; None where JSON can't say it: something in it is secret."""
    marked = {key: mark(value) for key, value in platform.outputs.items()}
    secret = any(undecided(unmark(value)) for value in marked.values())
    return None if secret else marked


def _headers(project: Project, environment: str) -> Any:
    """What the platform takes of the teams' files, with where it stands there."""
    try:
        headers = project.headers(environment)
    except ModelyardError:
        return [fingerprints.of_file(project.team_file(team)) for team in project.teams()]
    return {
        team: [header.model_dump(mode="json"), {path: str(header.source(path)) for path in type(header).model_fields}]
        for team, header in headers.items()
    }


def _together(errors: Sequence[ModelyardError]) -> ModelyardError:
    """One error with the faults of all, each told once."""
    first = errors[0]
    faults = {str(fault): fault for error in errors for fault in error.faults}
    return type(first)(*faults.values()) if len(errors) > 1 else first


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _handed_out(questions: Iterable[Question], pool: ProcessPoolExecutor) -> dict[Future[Answer], Question]:
    """Begins workers with interrupts held back: before they are ready, one would end them with a traceback."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return {pool.submit(answer, each): each for each in questions}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_to_work(parent: int) -> None:
    """Lets a worker end silently when it is interrupted, and with the process that it works for."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)
