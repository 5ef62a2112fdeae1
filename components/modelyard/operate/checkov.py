"""Checkov asked of a project's stacks, beside the rules."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from modelyard.assess.bridges.checkov import beside, checkov_results, install
from modelyard.assess.policy.engine import Judgement
from modelyard.blueprints.project import Project
from modelyard.engine.progress import Progress
from modelyard.operate.recorded import Recorder


def with_checkov(
    project: Project,
    judged: Mapping[tuple[str, str], Judgement],
    *,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[tuple[str, str], Judgement]:
    """The judgements of stacks, by stack and environment, with what Checkov says of each.

    Stacks are recorded one after the other, and judged by as many processes as there are cores: each takes some seven
    seconds of one. `progress` hears of the installation, `tell` of each stack. Raises `EnvironmentFault` where Checkov
    can't be had, or breaks.
    """
    install(progress)
    recorder = Recorder(project)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        asked = {name: pool.submit(checkov_results, recorder.graph(*name)) for name in judged}
        found = dict[tuple[str, str], Judgement]()
        for number, (name, results) in enumerate(asked.items()):
            tell(f"Checkov, {number + 1} of {len(asked)}: {name[0]} in {name[1]}")
            found[name] = beside(judged[name], results.result())
    return found
