"""`yard check` works nothing out twice, and works out anew whatever may have changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.shipped import copied, edit

from modelyard.blueprints import Project
from modelyard.core.errors import SpecError
from modelyard.operate import fingerprints, judging
from modelyard.operate.answers import FOLDER, Answers
from modelyard.operate.checking import checked
from modelyard.operate.opened import grounds, opened
from modelyard.operate.remembering import Asked

TODAY = date(2026, 11, 22)


def nothing_found(question: judging.Question) -> judging.Answer:
    """What a worker says, who needs no time for it."""
    return judging.Answer({"results": [], "asked": {}, "resources": 0}, {"of": question.environment}, {})


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets workers answer at once: what counts is which of them are asked."""
    monkeypatch.setattr(judging, "answer", nothing_found)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(copied(tmp_path_factory.mktemp("project")))
    made.platform_folder.joinpath("policy", "rules").mkdir()
    return made


@pytest.fixture
def shipped(project: Project, quickly: None) -> Project:
    """The shipped project, checked once in `dev`."""
    worked_out(project)
    return project


def worked_out(project: Project, **changes: object) -> list[str]:
    """The stacks of `dev` that had to be recorded."""
    found: list[str] = []
    asked = {"environment": "dev", "today": TODAY, "answers": Answers(project.root), "tell": found.append, **changes}
    checked(project, **asked)  # pyright: ignore[reportArgumentType]
    return sorted(each.split()[-3] for each in found)


def test_an_unchanged_project_is_known(shipped: Project):
    assert worked_out(shipped) == []


def test_a_known_answer_is_the_same_answer(tmp_path: Path):
    project = Project(copied(tmp_path))
    edit(project.team_file("demand"), lambda file: file["training"].pop("spot"))
    anew = checked(project, what="demand", environment="dev", today=TODAY, answers=Answers(project.root))
    known = checked(project, what="demand", environment="dev", today=TODAY, answers=Answers(project.root))
    assert [each.rule.id for one in known.stacks for each in one.results] == ["spot-or-justified"]
    assert known.as_json() == anew.as_json()
    assert [one.judgement for one in known.stacks] == [one.judgement for one in anew.stacks]


def changed(path: Path, text: str) -> Callable[[], None]:
    """Appends to a file, which may not be there; returns what undoes it."""
    before = path.read_bytes() if path.exists() else None
    path.write_bytes((before or b"") + text.encode())

    def undo() -> None:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)

    return undo


@pytest.mark.parametrize(
    ("file", "text", "anew"),
    [
        ("stacks/teams/fraud.yaml", "# a comment\n", ["fraud"]),
        ("stacks/__main__.py", "# a comment\n", ["demand", "fraud", "platform"]),
        ("platform/platform.yaml", "# a comment\n", ["demand", "fraud", "platform"]),
        ("platform/policy/rules/ours.py", "RULES = []\n", ["demand", "fraud", "platform"]),
        ("prices.csv", "meter,region\n", ["demand", "fraud", "platform"]),
        ("waivers.yaml", "waivers: []\n", []),
        ("notes.txt", "nothing that anybody reads\n", []),
    ],
)
def test_only_what_rests_on_a_changed_file_is_worked_out_anew(shipped: Project, file: str, text: str, anew: list[str]):
    undo = changed(shipped.root / file, text)
    try:
        assert worked_out(shipped) == anew
    finally:
        undo()
    assert worked_out(shipped) == []


def test_a_team_that_is_gone_is_missed_where_a_ceiling_names_it(project: Project, quickly: None):
    before, gone = project.platform_file.read_text(), project.team_file("gone")
    gone.write_text("team: gone\n")
    ceilings = {"gone": {"monthly_usd": 100}}
    edit(project.platform_file, lambda file: file.setdefault("ceilings", {}).update(teams=ceilings))
    try:
        worked_out(project, what="platform")
        gone.unlink()
        with pytest.raises(SpecError, match=r"ceilings\.teams\.gone.*is no team of the project"):
            worked_out(project, what="platform")
    finally:
        project.platform_file.write_text(before)
        gone.unlink(missing_ok=True)


def test_a_header_that_the_platform_takes_makes_the_platform_anew(shipped: Project):
    before = shipped.team_file("fraud").read_bytes()
    edit(shipped.team_file("fraud"), lambda file: file["owners"][0].update(name="Somebody Else"))
    try:
        assert "platform" in worked_out(shipped)
    finally:
        shipped.team_file("fraud").write_bytes(before)


def test_another_day_another_library_and_another_rule_make_everything_anew(
    shipped: Project, monkeypatch: pytest.MonkeyPatch
):
    everything = ["demand", "fraud", "platform"]
    assert worked_out(shipped, today=date(2026, 11, 23)) == everything
    monkeypatch.setattr(fingerprints, "library", lambda: "another")
    assert worked_out(shipped) == everything


def test_the_librarys_digest_speaks_of_every_package_and_of_our_own_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    packages, ours = tmp_path / "packages", tmp_path / "ours"
    (packages / "pulumi-3.272.0.dist-info").mkdir(parents=True)
    (ours / "modelyard").mkdir(parents=True)
    rule = ours / "modelyard" / "rule.py"
    rule.write_text("A = 1\n")
    monkeypatch.setattr(fingerprints, "LIBRARY", ours)
    digest = fingerprints.library.__wrapped__
    first = digest(str(packages))
    assert digest(str(packages)) == first
    rule.write_text("A = 2\n")
    second = digest(str(packages))
    (packages / "pulumi-3.272.0.dist-info").rename(packages / "pulumi-3.273.0.dist-info")
    assert len({first, second, digest(str(packages))}) == 3


def test_whatever_a_program_reads_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root = tmp_path / "project"
    root.mkdir()
    project = Project(copied(root))
    read = [root / "wanted.txt", tmp_path / "above.json", root / "stacks" / "teams" / "beside.json"]
    program = project.stacks_folder / "__main__.py"
    opening = "".join(f"open({os.path.relpath(file, program.parent)!r}).close()\n" for file in read)
    program.write_text(f"import os\nos.getenv('MODEL')\n{opening}{program.read_text()}")
    for file in read:
        file.write_text("{}")
    assert "demand" in worked_out(project, what="demand")
    assert worked_out(project, what="demand") == []
    for file in read:
        file.write_text('{"changed": true}')
        assert worked_out(project, what="demand") == ["demand"], file
    monkeypatch.setenv("MODEL", "another")
    assert worked_out(project, what="demand") == ["demand"]
    assert worked_out(project, what="demand") == []


def reading(file: Path, then: Callable[[], object] = lambda: None) -> Callable[[judging.Question], judging.Answer]:
    """A worker whose program reads a file of the project, and who does something before it answers."""

    def answered(question: judging.Question) -> judging.Answer:
        grounds = {file.name: fingerprints.of_file(file)}
        then()
        return judging.Answer({"results": [], "asked": {}, "resources": 0}, {}, grounds)

    return answered


def test_what_was_asked_afresh_rests_on_what_its_programs_read(project: Project, monkeypatch: pytest.MonkeyPatch):
    read = project.root / "read.txt"
    read.write_text("first")
    monkeypatch.setattr(judging, "answer", reading(read))
    asked = Asked(project.root, "platform", "dev", None, "json")
    replace(asked, fresh=True).now(lambda _: None)
    assert replace(asked).remembered() is not None
    read.write_text("second")
    assert replace(asked).remembered() is None


@pytest.mark.parametrize("saved", ["read.txt", "platform/platform.yaml"])
def test_nothing_is_kept_of_what_was_saved_while_it_was_worked_out(
    project: Project, saved: str, monkeypatch: pytest.MonkeyPatch
):
    shutil.rmtree(project.root / FOLDER, ignore_errors=True)
    read, file = project.root / "read.txt", project.root / saved
    read.write_text("first")
    before = project.platform_file.read_text()
    asked = Asked(project.root, "platform", "dev", None, "sarif")
    monkeypatch.setattr(judging, "answer", reading(read, lambda: file.write_text(file.read_text() + "# later\n")))
    try:
        asked.now(lambda _: None)
        assert replace(asked).remembered() is None
        project.platform_file.write_text(before)
        assert replace(asked).remembered() is None
        monkeypatch.setattr(judging, "answer", nothing_found)
        assert worked_out(project, what="platform") == ["platform"]
    finally:
        project.platform_file.write_text(before)


def test_files_behind_links_count(tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "project" / "stacks").mkdir(parents=True)
    module = tmp_path / "elsewhere" / "module.py"
    module.write_text("A = 1\n")
    (tmp_path / "project" / "stacks" / "shared").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "round").symlink_to(tmp_path / "project" / "stacks")
    first = fingerprints.project(tmp_path / "project")
    module.write_text("A = 2\n")
    assert fingerprints.project(tmp_path / "project") != first


def test_modules_outside_of_a_programs_folder_are_found_though_they_were_loaded_before(tmp_path: Path):
    (tmp_path / "shared").mkdir()
    module = tmp_path / "shared" / "of_this_test_alone.py"
    module.write_text("")
    sys.path.insert(0, str(module.parent))
    try:
        __import__(module.stem)
        (tmp_path / "read.txt").write_text("")
        with opened() as heard:
            (tmp_path / "read.txt").read_text()
            (tmp_path / "written.txt").write_text("")
        read = grounds(tmp_path, heard, but=lambda path: not path.is_relative_to(tmp_path))
        assert read == ["read.txt", "shared/of_this_test_alone.py"]
    finally:
        sys.path.remove(str(module.parent))
        del sys.modules[module.stem]


def test_an_answer_that_is_damaged_is_worked_out_anew(shipped: Project):
    for file in (shipped.root / FOLDER).iterdir():
        file.write_text('{"files": ')
    assert worked_out(shipped) == ["demand", "fraud", "platform"]


def test_where_nothing_can_be_kept_the_answer_is_the_same(tmp_path: Path):
    (tmp_path / ".modelyard").write_text("in the way")
    answers = Answers(tmp_path)
    answers.put("key", {"a": 1}, {})
    assert answers.get("key") is None


def test_the_command_answers_from_memory_without_loading_an_sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shipped = Project(copied(tmp_path))
    monkeypatch.chdir(shipped.root)
    first = Asked(shipped.root, "platform", "dev", None, "json")
    told = first.now(lambda _: None)
    assert Asked(shipped.root, "platform", "dev", None, "json").remembered() == told
    assert Asked(shipped.root, "platform", "dev", None, "text").remembered() is None
    assert Asked(shipped.root, "platform", "dev", None, "json", fresh=True).remembered() is None
    program = (
        "import sys; from modelyard.cli.app import app\n"
        "try: app(['check', 'platform', '--env', 'dev', '--json'])\n"
        "except SystemExit as end: print(end.code, sorted({'pulumi', 'boto3'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    answer, _, end = said.strip().rpartition("\n")
    assert (json.loads(answer), end) == (json.loads(told.text), "0 []")
