"""`yard check` over a project's files: which stacks it asks, what it refuses, and with what it ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.shipped import copied, edit
from typer.testing import CliRunner

from modelyard.assess.policy.rule import Domain, Rule, Severity, Violation
from modelyard.assess.policy.subject import Subject
from modelyard.blueprints import Project
from modelyard.cli.app import app
from modelyard.core.errors import InputError, SpecError
from modelyard.operate import checking
from modelyard.operate.checking import checked

TODAY = date(2026, 11, 22)
WAIVER = {
    "rule": "dynamodb-pitr",
    "urn": "*::features-customer-*",
    "reason": "the table is filled anew every night",
    "owner": "demand@acme.example",
    "until": "2026-12-31",
}


def _is_there(_: Subject) -> Iterator[Violation]:
    yield Violation("is there")


NO_KEYS = Rule(
    "no-keys",
    Severity.CRITICAL,
    Domain.IDENTITY,
    "There are no keys",
    "A test.",
    "Remove it.",
    ("aws:kms/key:Key",),
    _is_there,
    bad=(),
    good=(),
)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(copied(tmp_path_factory.mktemp("project")))


@pytest.fixture
def waivers(shipped: Project) -> Iterator[Any]:
    file = shipped.root / "waivers.yaml"

    def write(*listed: dict[str, Any]) -> None:
        file.write_text("waivers:\n" + "".join(f"  - {each}\n" for each in listed))

    yield write
    file.unlink(missing_ok=True)


def test_every_stack_of_every_environment_is_asked(shipped: Project, monkeypatch: pytest.MonkeyPatch):
    recorded: list[str] = []
    monkeypatch.setattr(checking, "CATALOGUE", ())
    checked(shipped, tell=recorded.append, today=TODAY)
    assert recorded == [
        f"{name} in {env}" for env in ("local", "dev", "prod") for name in ("platform", "demand", "fraud")
    ]


def test_a_broken_rule_is_told_with_the_line_that_says_so(shipped: Project):
    (one,) = checked(shipped, what="demand", environment="dev", today=TODAY).stacks
    (found,) = [each for each in one.results if each.rule.id == "dynamodb-pitr"]
    assert found.source is not None and found.source.file.endswith("stacks/teams/demand.yaml")
    assert "customer" in shipped.team_file("demand").read_text().splitlines()[found.source.line - 1]
    assert one.judgement.decided == one.judgement.total


def test_a_waiver_covers_and_one_that_covers_nothing_is_told_only_where_all_was_asked(shipped: Project, waivers: Any):
    waivers(WAIVER, {**WAIVER, "urn": "*::nothing"})
    whole = checked(shipped, what="demand", environment="dev", today=TODAY)
    assert [each.waiver.rule for one in whole.stacks for each in one.waived] == ["dynamodb-pitr"]
    assert whole.unused == ()


def test_faults_of_waivers_are_told_all_at_once_with_their_lines(shipped: Project, waivers: Any):
    waivers({**WAIVER, "until": "2026-01-01"}, {**WAIVER, "rule": "no-such-rule"})
    with pytest.raises(SpecError) as refusal:
        checked(shipped, what="demand", environment="dev", today=TODAY)
    told = [str(fault) for fault in refusal.value.faults]
    assert len(told) == 2
    assert "waivers.yaml:2:" in told[0] and "is over" in told[0]
    assert "waivers.yaml:3:" in told[1] and "is no rule" in told[1]


def test_a_profile_can_be_made_stricter_and_never_milder(shipped: Project):
    assert checked(shipped, what="platform", environment="dev", profile="regulated", today=TODAY).stacks
    with pytest.raises(InputError, match="is milder than the environment's own, regulated"):
        checked(shipped, what="platform", environment="prod", profile="baseline", today=TODAY)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"what": "nobody"}, "is no stack of the project"),
        ({"environment": "moon"}, "is no environment of the platform"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(shipped: Project, asked: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        checked(shipped, today=TODAY, **asked)


def test_a_rule_that_an_environment_wants_enforced_must_exist(tmp_path: Path):
    project = Project(copied(tmp_path))

    def change(file: Any) -> None:
        file["policy"] = {"stops": ["no-such-rule"]}

    edit(project.platform_file, change)
    with pytest.raises(SpecError, match=r"platform\.yaml:.*policy\.stops\[0\].*is no rule"):
        checked(project, what="platform", environment="dev", today=TODAY)


def test_the_command_ends_with_what_it_found(shipped: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(shipped.root)
    run = CliRunner()
    monkeypatch.setattr(checking, "CATALOGUE", ())
    said = run.invoke(app, ["check", "platform", "--env", "dev"])
    assert (said.exit_code, "platform in dev, baseline" in said.output) == (0, True)

    monkeypatch.setattr(checking, "CATALOGUE", (NO_KEYS,))
    assert run.invoke(app, ["check", "platform", "--env", "dev"]).exit_code == 1
    assert run.invoke(app, ["check", "platform", "--env", "dev", "--format", "sarif", "-o", "r.sarif"]).exit_code == 1
    assert '"version": "2.1.0"' in (shipped.root / "r.sarif").read_text()


def test_every_rule_is_listed_with_its_controls():
    said = CliRunner().invoke(app, ["rules", "--json"])
    assert said.exit_code == 0
    assert '"s3-block-public"' in said.output and "FSBP S3.8" in said.output
