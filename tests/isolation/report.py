"""The isolation table: service by service, what was tried, what leaked, and which twins were allowed."""

from __future__ import annotations

from collections import Counter

from tests.isolation.trials import Outcome


def table(outcome: Outcome) -> str:
    """Lines of text, one for each service, and the total."""
    tries = Counter(trial.service for trial in outcome.trials)
    leaks = Counter(trial.service for trial, _ in outcome.leaks)
    lines = [f"{'service':<18}{'tries':>8}{'leaks':>8}{'twins: owner':>14}{'others':>8}"]
    for service in sorted(tries):
        lines.append(
            f"{service:<18}{tries[service]:>8,}{leaks[service]:>8,}{outcome.twins[service]:>14,}"
            f"{outcome.by_administrator[service]:>8,}"
        )
    total = f"{'all':<18}{tries.total():>8,}{leaks.total():>8,}"
    lines.append(f"{total}{sum(outcome.twins.values()):>14,}{sum(outcome.by_administrator.values()):>8,}")
    return "\n".join(lines)
