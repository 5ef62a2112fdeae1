"""`yard plan` and `yard guard` over a project's files: what they compare, what they say, and with what they end."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.shipped import ROOT, copied, edit
from typer.testing import CliRunner

from modelyard.assess.impact.acknowledged import acknowledgements_of
from modelyard.blueprints import Project
from modelyard.cli.app import app
from modelyard.core.errors import InputError, SpecError
from modelyard.operate.planning import planned

BUCKET = "urn:pulumi:dev::modelyard-platform::aws:s3/bucket:Bucket::old"


def git(folder: Path, *arguments: str) -> None:
    own = ["-c", "user.name=ada", "-c", "user.email=ada@acme.example", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *own, *arguments], capture_output=True, check=True)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The shipped project, committed on `main`; then dev's network gets other addresses."""
    project = Project(copied(tmp_path_factory.mktemp("project")))
    git(project.root, "init", "--quiet", "--initial-branch", "main")
    git(project.root, "add", ".")
    git(project.root, "commit", "--quiet", "-m", "first")

    def change(file: Any) -> None:
        file["environments"]["dev"]["network"] = {"cidr": "10.99.0.0/16"}

    edit(project.platform_file, change)
    return project


@pytest.fixture
def inside(changed: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.chdir(changed.root)
    yield changed
    (changed.root / "acknowledged.yaml").unlink(missing_ok=True)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments])


def state(folder: Path, project: str = "modelyard-platform", stack: str = "dev") -> Path:
    """What `pulumi stack export` writes of a stack that holds one bucket."""
    urn = BUCKET.replace("modelyard-platform", project).replace("pulumi:dev", f"pulumi:{stack}")
    bucket = {"urn": urn, "custom": True, "id": "old", "inputs": {"bucket": "old"}, "outputs": {"bucket": "old"}}
    file = folder / "state.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": [bucket]}}))
    return file


def test_a_commit_is_compared_with_the_files_and_what_is_destroyed_comes_first(inside: Project):
    said = run("plan", "platform", "--env", "dev", "--against", "main")
    assert said.exit_code == 0
    assert said.output.startswith("destroys: ") and "1 network (address)" in said.output.splitlines()[0]
    assert "cidrBlock 10.20.0.0/16 → 10.99.0.0/16  (replaces)" in said.output
    assert "platform/platform.yaml:" in said.output, "and where it is written"


def test_json_and_a_comment_say_the_same(inside: Project, tmp_path: Path):
    file = state(tmp_path)
    read = json.loads(run("plan", "--state", str(file), "--json").stdout)
    (one,) = read["stacks"]
    assert (one["stack"], one["environment"], one["against"]) == ("platform", "dev", str(file))
    bucket = next(step for step in one["steps"] if step["urn"] == BUCKET)
    assert (bucket["op"], bucket["loses"]["lost"]) == ("delete", "data")
    comment = run("plan", "--state", str(file), "--markdown").stdout
    assert comment.startswith("<!-- modelyard-plan -->\n### Destroys: 1 bucket (data)")
    assert "| delete | `old` | platform in dev |" in comment


def test_guard_refuses_until_each_loss_is_acknowledged(inside: Project, tmp_path: Path):
    asked = ("guard", "--state", str(state(tmp_path)), "--json")
    first = run(*asked)
    assert first.exit_code == 1
    assert [each["urn"] for each in json.loads(first.stdout)["guard"]["refused"]] == [BUCKET]

    said = {"resource": BUCKET, "does": "delete", "reason": "it was copied on Monday", "owner": "ada@acme.example"}
    acknowledged = inside.root / "acknowledged.yaml"
    acknowledged.write_text(f"acknowledged:\n  - {said | {'until': _soon()}}\n")
    second = run(*asked)
    assert second.exit_code == 0
    assert [each["urn"] for each in json.loads(second.stdout)["guard"]["acknowledged"]] == [BUCKET]

    acknowledged.write_text(f"acknowledged:\n  - {said | {'until': '2020-01-01'}}\n")
    with pytest.raises(SpecError, match=r"acknowledged\.yaml.*is over"):
        CliRunner().invoke(app, asked, catch_exceptions=False)


def _soon() -> str:
    from datetime import UTC, datetime, timedelta

    return (datetime.now(UTC).date() + timedelta(days=3)).isoformat()


def test_a_team_that_came_is_created_and_one_that_went_stays_until_it_is_taken_down(tmp_path: Path):
    project = Project(copied(tmp_path))
    project.team_file("demand").rename(tmp_path / "demand.yaml")
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    git(tmp_path, "add", "platform", "stacks")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    shutil.move(tmp_path / "demand.yaml", project.team_file("demand"))
    came = planned(project, what="demand", environment="dev", against="main")
    assert came.summary == "destroys nothing" and came.stacks[0].forecast.counts.keys() == {"create"}

    project.team_file("fraud").unlink()
    went = planned(project, what="fraud", environment="dev", against="main")
    assert (went.stacks, went.left) == ((), ("fraud in dev",))


def test_a_state_file_says_itself_whose_it_is(inside: Project, tmp_path: Path):
    found = planned(inside, state=state(tmp_path))
    (one,) = found.stacks
    assert (one.stack, one.environment) == ("platform", "dev")
    assert [(step.urn, str(step.op)) for step in one.forecast.destroying] == [(BUCKET, "delete")]
    assert found.summary == "destroys: 1 bucket (data)"


def _replaced() -> dict[str, Any]:
    """A step of a preview."""
    old = {"urn": BUCKET, "custom": True, "id": "old", "inputs": {"bucket": "a", "tags": {"a": "[secret]"}}}
    new = {**old, "inputs": {"bucket": "b", "tags": {"a": "[secret]"}}}
    return {"op": "replace", "urn": BUCKET, "oldState": old, "newState": new, "replaceReasons": ["bucket"]}


def test_a_preview_is_told_as_the_engine_decided(inside: Project, tmp_path: Path):
    file = tmp_path / "preview.json"
    file.write_text(json.dumps({"steps": [_replaced()]}))
    (one,) = planned(inside, preview=file).stacks
    (told,) = one.forecast.steps
    assert str(told.op) == "replace" and [str(change) for change in told.changes] == ["bucket a → b  (replaces)"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"against": "main", "state": Path("x")}, "--against and --state exclude one another"),
        ({"state": Path("nowhere.json")}, "--state: got 'nowhere.json'; can't be read: No such file"),
        ({"preview": Path("platform/platform.yaml")}, "this is not the output of pulumi preview"),
        ({"state": Path("platform/platform.yaml")}, "this is not the output of pulumi stack export"),
        ({"against": "main", "what": "nobody"}, "is no stack of the project"),
        ({"against": "main", "environment": "moon"}, "is no environment of the platform"),
        ({"against": "nothing"}, "is no commit, branch or tag"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_its_option(inside: Project, asked: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        planned(inside, **asked)


@pytest.mark.parametrize(
    ("project", "stack", "asked", "message"),
    [
        ("shop", "dev", {}, "speaks of shop/dev, which isn't one of this project"),
        ("modelyard-platform", "moon", {}, "speaks of modelyard-platform/moon, which isn't one of this project"),
        ("modelyard-team", "nobody-dev", {}, "is no <team>-<environment>"),
        (
            "modelyard-platform",
            "dev",
            {"what": "fraud"},
            r"WHAT: got 'fraud'; isn't what .* speaks of, platform in dev",
        ),
        ("modelyard-platform", "dev", {"environment": "prod"}, "--env: got 'prod'; isn't what"),
    ],
)
def test_a_state_of_another_stack_is_refused(
    inside: Project, tmp_path: Path, project: str, stack: str, asked: dict[str, Any], message: str
):
    with pytest.raises(InputError, match=message):
        planned(inside, state=state(tmp_path, project, stack), **asked)


def test_two_forms_at_once_are_refused(inside: Project, tmp_path: Path):
    file = str(state(tmp_path))
    with pytest.raises(InputError, match="--markdown: is another form than --json"):
        CliRunner().invoke(app, ["plan", "--state", file, "--json", "--markdown"], catch_exceptions=False)


def test_the_commands_of_the_page_run(inside: Project, tmp_path: Path):
    page = (ROOT / "docs" / "plan.md").read_text()
    (block,) = re.findall(r"<!-- commands -->\n```bash\n(.*?)```", page, re.DOTALL)
    (inside.root / "preview.json").write_text(json.dumps({"steps": [_replaced()]}))
    shutil.copy(state(tmp_path), inside.root / "state.json")
    for command in block.splitlines():
        said = run(*shlex.split(command)[1:])
        assert said.exit_code == (1 if " guard " in f" {command} " else 0), command


def test_the_acknowledgement_of_the_page_lets_the_deletion_through(tmp_path: Path):
    page = (ROOT / "docs" / "plan.md").read_text()
    (example,) = re.findall(r"```yaml\n(acknowledged:.*?)```", page, re.DOTALL)
    (tmp_path / "acknowledged.yaml").write_text(example)
    (said,) = acknowledgements_of(tmp_path / "acknowledged.yaml", date(2026, 11, 22))
    assert (said.resource.rpartition("::")[2], said.does) == ("old", "delete")
