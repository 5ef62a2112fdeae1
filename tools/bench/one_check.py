"""What the rules take, in a process of its own: `python -m tools.bench.one_check ROOT ENV TEAM TIMES FILE`, as JSON.

The platform's stack and the team's are recorded twice, judged, and written as one Terraform plan to FILE.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begin = perf_counter()
    result = work()
    return perf_counter() - begin, result


def _recorded(root: Path, environment: str, team: str) -> Any:
    from modelyard.assess.graph.stacks import record_platform, record_team

    platform = record_platform(root, environment)
    return {"platform": platform, team: record_team(root, team, environment, platform=platform)}


def measured(root: Path, environment: str, team: str, times: int, file: Path) -> dict[str, float]:
    """Seconds of the imports, of all rules over both stacks, and of all rules over the team's stack `times` times."""
    with_imports, _ = _timed(lambda: _recorded(root, environment, team))
    beyond, graphs = _timed(lambda: _recorded(root, environment, team))

    from modelyard.assess.bridges.terraform import write_plan
    from modelyard.assess.graph.model import Graph
    from modelyard.assess.policy.around import surroundings
    from modelyard.assess.policy.engine import judge
    from modelyard.assess.policy.own import rules_of
    from modelyard.blueprints.project import Project

    project, rules, today = Project(root), rules_of(root), datetime.now(UTC).date()
    spec = project.platform(environment)
    around = {name: surroundings(project, spec, name, environment, today=today) for name in graphs}

    def judged() -> int:
        return sum(judge(graph, rules, around[name]).total for name, graph in graphs.items())

    first, questions = _timed(judged)
    once, _ = _timed(judged)
    many, _ = _timed(lambda: [judge(graphs[team], rules, around[team]) for _ in range(times)])
    write_plan(Graph("bench", environment, tuple(node for graph in graphs.values() for node in graph)), file)
    return {
        "imports": with_imports - beyond,
        "resources": sum(map(len, graphs.values())),
        "first": first,
        "rules": once,
        "many": many,
        "judged": len(graphs[team]) * times,
        "questions": questions,
    }


if __name__ == "__main__":
    told = measured(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), Path(sys.argv[5]))
    print(json.dumps(told))
