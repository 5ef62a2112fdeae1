"""`yard check` over a project's files: which stacks it asks, what it refuses, and with what it ends."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.shipped import ROOT, copied, edit
from typer.testing import CliRunner

from modelyard.assess.policy.engine import RuleCrashed
from modelyard.assess.policy.own import own_rules
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.waivers import waivers_of
from modelyard.blueprints import Project
from modelyard.cli.app import app
from modelyard.core.errors import InputError, SpecError
from modelyard.operate import judging
from modelyard.operate.checking import checked

TODAY = date(2026, 11, 22)
WAIVER = {
    "rule": "spot-or-justified",
    "urn": "*::training-compute",
    "reason": "its jobs end within minutes",
    "owner": "demand@acme.example",
    "until": "2026-12-31",
}


NO_KEYS = """
from modelyard.assess.policy.examples import part
from modelyard.assess.policy.rule import Domain, Rule, Severity, Violation

def check(subject):
    yield Violation("is there")

KEY = "aws:kms/key:Key"
RULES = [
    Rule("no-keys", Severity.CRITICAL, Domain.IDENTITY, "There are no keys", "A test.", "Remove it.", (KEY,), check,
         bad=(part(KEY),), good=())
]
"""


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The shipped project, but that demand's jobs run on demand."""
    project = Project(copied(tmp_path_factory.mktemp("project")))
    edit(project.team_file("demand"), lambda file: file["training"].pop("spot"))
    return project


@pytest.fixture
def waivers(shipped: Project) -> Iterator[Any]:
    file = shipped.root / "waivers.yaml"

    def write(*listed: dict[str, Any]) -> None:
        file.write_text("waivers:\n" + "".join(f"  - {each}\n" for each in listed))

    yield write
    file.unlink(missing_ok=True)


def nothing_found(_: judging.Question) -> judging.Answer:
    return judging.Answer({"results": [], "asked": {}, "resources": 0}, {}, {})


def test_every_stack_of_every_environment_is_asked(shipped: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judging, "answer", nothing_found)
    recorded: list[str] = []
    found = checked(shipped, tell=recorded.append, today=TODAY)
    stacks = [f"{name} in {env}" for env in ("local", "dev", "prod") for name in ("platform", "demand", "fraud")]
    assert [one.name for one in found.stacks] == stacks
    assert sorted(each.partition(": ")[2] for each in recorded) == sorted(stacks)


def test_a_broken_rule_is_told_with_the_line_that_says_so(shipped: Project):
    (one,) = checked(shipped, what="demand", environment="dev", today=TODAY).stacks
    (found,) = [each for each in one.results if each.rule.id == "spot-or-justified"]
    assert found.source is not None and found.source.file.endswith("stacks/teams/demand.yaml")
    assert "flavour:" in shipped.team_file("demand").read_text().splitlines()[found.source.line - 1]
    assert one.judgement.decided == one.judgement.total


def test_a_waiver_covers_and_one_that_covers_nothing_is_told_only_where_all_was_asked(shipped: Project, waivers: Any):
    waivers(WAIVER, {**WAIVER, "urn": "*::nothing"})
    whole = checked(shipped, what="demand", environment="dev", today=TODAY)
    assert [each.waiver.rule for one in whole.stacks for each in one.waived] == ["spot-or-justified"]
    assert whole.unused == ()


def test_the_waivers_that_the_page_shows_can_be_taken(tmp_path: Path):
    (shown,) = re.findall(r"```yaml\n(waivers:.*?)```", (ROOT / "docs" / "check.md").read_text(), re.DOTALL)
    (tmp_path / "waivers.yaml").write_text(shown)
    (waiver,) = waivers_of(tmp_path, TODAY, CATALOGUE)
    assert (waiver.rule, waiver.until) == ("dynamodb-pitr", date(2026, 12, 31))


def test_faults_of_waivers_are_told_all_at_once_with_their_lines(shipped: Project, waivers: Any):
    waivers({**WAIVER, "until": "2026-01-01"}, {**WAIVER, "rule": "no-such-rule"})
    before = shipped.platform_file.read_text()
    edit(shipped.platform_file, lambda file: file.update(policy={"stops": ["nor-this-one"]}))
    try:
        with pytest.raises(SpecError) as refusal:
            checked(shipped, what="demand", today=TODAY)
    finally:
        shipped.platform_file.write_text(before)
    told = [str(fault) for fault in refusal.value.faults]
    assert len(told) == 3, "one that several environments share is told once"
    assert "platform.yaml:" in told[2] and "nor-this-one" in told[2]
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


@pytest.fixture
def own(shipped: Project) -> Iterator[Path]:
    folder = shipped.platform_folder / "policy" / "rules"
    folder.mkdir()
    yield folder / "ours.py"
    shutil.rmtree(folder)


def test_the_command_ends_with_what_it_found(shipped: Project, own: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(shipped.root)
    run = CliRunner()
    said = run.invoke(app, ["check", "platform", "--env", "dev"])
    assert (said.exit_code, "platform in dev, baseline" in said.output) == (0, True)

    own.write_text(NO_KEYS)
    said = run.invoke(app, ["check", "platform", "--env", "dev"])
    assert (said.exit_code, "no-keys: " in said.output) == (1, True)
    assert run.invoke(app, ["check", "platform", "--env", "dev", "--format", "sarif", "-o", "r.sarif"]).exit_code == 1
    assert '"version": "2.1.0"' in (shipped.root / "r.sarif").read_text()


def test_a_rule_that_breaks_is_named_and_is_no_pass(shipped: Project, own: Path):
    own.write_text(NO_KEYS.replace("    yield", "    1 / 0\n    yield"))
    with pytest.raises(RuleCrashed, match="rule no-keys broke at urn:.*: ZeroDivisionError"):
        checked(shipped, what="platform", environment="dev", today=TODAY)


def test_the_command_ends_with_3_and_names_the_rule_that_broke(shipped: Project, own: Path):
    own.write_text(NO_KEYS.replace("    yield", "    1 / 0\n    yield"))
    command = [Path(sys.executable).with_name("yard"), "check", "platform", "--env", "dev"]
    done = subprocess.run(command, cwd=shipped.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert "internal error: RuleCrashed: rule no-keys broke at urn:pulumi:dev::" in done.stderr


def test_a_rule_that_breaks_in_one_of_many_stacks_is_named_too(shipped: Project, own: Path):
    own.write_text(NO_KEYS.replace("    yield", "    if subject.around.environment == 'prod': 1 / 0\n    yield"))
    with pytest.raises(RuleCrashed, match="rule no-keys broke at urn:pulumi:prod::.*: ZeroDivisionError"):
        checked(shipped, what="platform", today=TODAY)


def test_faults_of_a_companys_rules_are_told_all_at_once(shipped: Project, own: Path):
    own.write_text("RULES = [1]\n")
    own.with_name("broken.py").write_text("import os\nos.nothing\n")
    own.with_name("twice.py").write_text(NO_KEYS.replace("no-keys", "s3-block-public"))
    own.with_name("empty.py").write_text("")
    with pytest.raises(InputError) as refusal:
        checked(shipped, what="platform", environment="dev", today=TODAY)
    broken, empty, first, second = map(str, refusal.value.faults)
    assert "broken.py:2" in broken and "AttributeError" in broken
    assert "empty.py" in empty and "has no list RULES" in empty
    assert "ours.py: RULES[0]: got 1; is no rule" in first
    assert "is the name of a rule of the catalogue already" in second


def test_rules_share_what_lies_beside_them_and_nobody_else_finds_it(tmp_path: Path):
    for name in ("sqs", "sns"):
        folder = tmp_path / name / "platform" / "policy" / "rules"
        folder.mkdir(parents=True)
        (folder / "_shared.py").write_text(f"KEY = 'aws:{name}:It'\n")
        (folder / "ours.py").write_text(NO_KEYS.replace('KEY = "aws:kms/key:Key"', "from _shared import KEY"))
        (folder / "theirs.py").write_text("import dataclasses, _shared\nRULES = ()\n")
        assert [rule.types for rule in own_rules(tmp_path / name)] == [(f"aws:{name}:It",)]
    assert "_shared" not in sys.modules and not any(str(tmp_path) in place for place in sys.path)


def test_a_fault_of_what_rules_share_is_told_once_where_it_is(shipped: Project, own: Path):
    own.write_text("import _shared\nRULES = []\n")
    own.with_name("theirs.py").write_text("import _shared\nRULES = []\n")
    own.with_name("_shared.py").write_text("import sys\nx = (\n")
    own.with_name("leaving.py").write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(InputError) as refusal:
        own_rules(shipped.root)
    left, shared = map(str, refusal.value.faults)
    assert "leaving.py:2: can't be loaded: SystemExit: 0" in left
    assert "_shared.py:2: can't be loaded: SyntaxError" in shared


def test_every_rule_is_listed_with_its_controls():
    said = CliRunner().invoke(app, ["rules", "--json"])
    assert said.exit_code == 0
    assert '"s3-block-public"' in said.output and "FSBP S3.8" in said.output


@pytest.mark.parametrize(
    ("added", "line", "said"),
    [
        ("import nothing_there", 8, "ModuleNotFoundError: No module named 'nothing_there'"),
        ("x = (", 8, "SyntaxError: "),
        ("import sys; sys.exit(0)", 8, "SystemExit: 0"),
        ("import pulumi_aws as aws\n\naws.s3.BucketVersioning('x')", 10, "TypeError: Missing required property"),
    ],
)
def test_a_program_that_breaks_is_told_with_its_line(tmp_path: Path, added: str, line: int, said: str):
    project = Project(copied(tmp_path))
    program = project.platform_folder / "__main__.py"
    program.write_text(f"{program.read_text()}{added}\n")
    with pytest.raises(InputError, match="the program broke: ") as refusal:
        checked(project, what="platform", environment="dev", today=TODAY)
    assert f"platform/__main__.py:{line}: the program broke: {said}" in str(refusal.value)


def test_prices_older_than_a_year_are_refused_where_a_ceiling_rests_on_them(tmp_path: Path):
    project = Project(copied(tmp_path))
    told = r"prices\.csv: got '2026-\d\d-\d\d'; is older than a year\. .*yard cost --refresh"
    with pytest.raises(InputError, match=told):
        checked(project, what="demand", environment="dev", today=date(2028, 1, 3))


def test_a_platform_without_environments_is_refused_and_no_pass(tmp_path: Path):
    project = Project(copied(tmp_path))
    text = project.platform_file.read_text()
    project.platform_file.write_text(text.replace("\nenvironments:", "\nenvironmentz:"))
    with pytest.raises(SpecError, match=r"platform\.yaml: environments: has no environment"):
        checked(project, today=TODAY)


def test_what_is_added_by_hand_to_a_stacks_program_is_asked_too(tmp_path: Path):
    project = Project(copied(tmp_path))
    program = project.stacks_folder / "__main__.py"
    program.write_text("import pulumi_aws as aws\n\naws.kms.Key('by-hand')\n" + program.read_text())
    (one,) = checked(project, what="demand", environment="dev", today=TODAY).stacks
    (found,) = [each for each in one.results if each.rule.id == "kms-rotation"]
    assert found.urn.endswith("::by-hand")
    assert str(found.source).endswith("stacks/__main__.py:3")


def test_a_watched_project_is_checked_again_when_a_file_is_saved(tmp_path: Path):
    project = Project(copied(tmp_path))
    in_the_background = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    command = [
        *in_the_background,
        Path(sys.executable).with_name("yard"),
        "check",
        "platform",
        "--env",
        "dev",
        "--watch",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("platform in dev, baseline: all rules hold")
        edit(project.platform_file, lambda file: file["environments"]["dev"].update(policy={"profile": "regulated"}))
        assert process.stdout.readline().startswith("platform in dev, regulated: all rules hold")
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130


def test_the_shipped_stacks_break_no_rule_under_the_strictest_profile_and_leave_none_undecided():
    found = checked(Project(ROOT), profile="regulated", today=TODAY)
    assert [each.as_json() for one in found.stacks for each in one.results] == []
    assert all(one.judgement.decided == one.judgement.total for one in found.stacks)
    assert not any(one.waived for one in found.stacks)
