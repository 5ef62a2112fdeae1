"""What people write into platform and team files, right and wrong."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.shipped import edit

from modelyard.blueprints import PlatformSpec, Project, TeamSpec
from modelyard.blueprints.schema import schema
from modelyard.blueprints.vending import new_team, presets
from modelyard.core.document import load, parse, read
from modelyard.core.errors import InputError, SpecError

ROOT = Path(__file__).resolve().parents[2]
TEAM = (ROOT / "stacks/teams/fraud.yaml").read_text()


def words_of(node: object) -> Iterator[str]:
    """The field names and the choices of a schema."""
    if isinstance(node, dict):
        yield from node.get("properties", {})
        yield from (str(choice) for choice in node.get("enum", [node["const"]] if "const" in node else []))
        for inner in node.values():
            yield from words_of(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from words_of(inner)


FIELDS = sorted(set(words_of(schema("team"))))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "platform").mkdir()
    (tmp_path / "stacks/teams").mkdir(parents=True)
    for name in ("platform/Pulumi.yaml", "platform/platform.yaml", "stacks/Pulumi.yaml", "stacks/teams/fraud.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    return Project(tmp_path)


def test_the_shipped_files_are_sound_in_every_environment():
    project = Project(ROOT)
    for environment in project.environments():
        project.platform(environment)
        assert set(project.headers(environment)) == {"demand", "fraud"}
        for team in project.teams():
            project.team(team, environment)


def test_the_schemas_beside_the_files_are_up_to_date():
    for kind, path in (("platform", "platform/platform.schema.json"), ("team", "stacks/team.schema.json")):
        assert json.loads((ROOT / path).read_text()) == schema(kind), f"run: yard schema {kind} --write"


def test_the_schemas_accept_the_shipped_files_and_refuse_unknown_fields():
    from jsonschema import Draft202012Validator

    for kind, path in (("platform", "platform/platform.yaml"), ("team", "stacks/teams/fraud.yaml")):
        data = read(ROOT / path).data
        validator = Draft202012Validator(schema(kind))
        validator.check_schema(schema(kind))
        assert [error.message for error in validator.iter_errors(data)] == []
        assert list(validator.iter_errors({**data, "unknown": 1}))
        assert list(validator.iter_errors({**data, "environments": {"dev": {"unknown": 1}}}))


@pytest.mark.parametrize("blueprint", presets())
def test_each_blueprint_makes_a_sound_team(project: Project, blueprint: str):
    written = new_team(project, "search", blueprint, "Ada Lovelace <ada@acme.example>", ["local", "prod"])
    assert {path.name for path in written} == {"search.yaml", "Pulumi.search-local.yaml", "Pulumi.search-prod.yaml"}
    assert project.team("search", "prod").owners[0].email == "ada@acme.example"


def refused(project: Project, **changes) -> str:
    before = sorted(project.root.rglob("*"))
    arguments = {"team": "search", "blueprint": "batch", "owner": "Ada <a@b.example>", "environments": ["local"]}
    with pytest.raises(InputError) as caught:
        new_team(project, **{**arguments, **changes})
    assert sorted(project.root.rglob("*")) == before, "nothing is half-written"
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"team": "fraud"}, "there is such a team already"),
        ({"team": "a" * 30}, "is longer than"),
        ({"team": "Search"}, "characters or a form that are not allowed"),
        ({"team": "platform"}, "team"),
        ({"blueprint": "magic"}, "there are batch, gpu, realtime"),
        ({"owner": "nobody"}, 'Write it as "Ada Lovelace <ada@example.com>"'),
        ({"environments": ["moon"]}, "there are local, dev, prod"),
        ({"team": "../../evil"}, "characters or a form that are not allowed"),
    ],
)
def test_a_team_that_cannot_be_made_is_refused_and_nothing_is_written(project: Project, changes: dict, said: str):
    assert said in refused(project, **changes)


def test_a_full_disk_leaves_nothing_behind(project: Project, monkeypatch):
    import errno

    real = Path.replace

    def full(self: Path, target: Path) -> Path:
        if "Pulumi." in self.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", full)
    assert "No space left on device; nothing was" in refused(project)


def faults_of(project: Project, change, file: str = "platform/platform.yaml", environment: str = "local") -> str:
    path = project.root / file
    path.write_text(change(path.read_text()))
    with pytest.raises(SpecError) as caught:
        project.platform(environment) if "platform" in file else project.team("fraud", environment)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("zones: [eu-west-1a, eu-west-1b]", "zones: [eu-west-1a, us-east-1b]", "network.zones[1]: got 'us-east-1b'"),
        ("cidr: 10.20.0.0/16", "cidr: 10.20.0.1/16", "network.cidr: got '10.20.0.1/16'"),
        ("cidr: 10.20.0.0/16", "cidr: 10.20.0.0/28", "network.cidr: got '10.20.0.0/28'"),
        ("kind: vpc", "kind: lan", "network: got"),
        ("region: eu-west-1", "region: Europe", "region: got 'Europe'"),
        ('"123456789012"', "123456789012", "environments.local.account: got 123456789012; must be text"),
        ("sandbox: true", "sandbox: true\n    production: true", "is not for production"),
        ("platform: ml", "platform: machine-learning", "platform: got 'machine-learning'"),
        ("[olga@acme.example]", "[olga]", "auditors[0]: got 'olga'; has characters or a form that are not allowed"),
        ("[olga@acme.example]", "[olga@acme.example, Olga@acme.example]", "auditors[1]: got 'Olga@acme.example'; is"),
    ],
)
def test_a_faulty_platform_file_is_refused_where_it_is_wrong(project: Project, written: str, instead: str, said: str):
    assert said in faults_of(project, lambda text: text.replace(written, instead, 1))


def test_auditors_who_cannot_sign_in_are_refused(project: Project):
    def nobody_signs_in(document: dict[str, Any]) -> None:
        del document["sign_in"], document["environments"]["local"]["sign_in"]

    edit(project.platform_file, nobody_signs_in)
    with pytest.raises(SpecError, match='auditors: have no way to sign in. Add "sign_in: {kind: identity-center'):
        project.platform("local")


def test_a_team_file_of_another_name_is_refused(project: Project):
    said = faults_of(project, lambda text: text.replace("team: fraud", "team: frauds"), "stacks/teams/fraud.yaml")
    assert "is not the file's own name" in said


def test_an_environment_that_is_not_declared_is_refused_with_those_that_are(project: Project):
    with pytest.raises(SpecError, match="'moon'; has no environment of this name; it has: local, dev, prod"):
        project.platform("moon")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(FIELDS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def never_a_traceback(raw: bytes) -> None:
    try:
        document = parse(raw, "teams/fuzzed.yaml")
        for environment in document.environments or ["dev"]:
            load(document.for_environment(environment), TeamSpec)
            load(document.for_environment(environment), PlatformSpec)
    except SpecError as error:
        assert error.faults
        for fault in error.faults:
            assert fault.problem
            assert fault.remedy
            assert fault.source
            assert fault.source.file == "teams/fuzzed.yaml"


FUZZ = settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@FUZZ
@given(data=st.data())
def test_a_thousand_mutated_team_files_give_no_traceback(data):
    lines = TEAM.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["drop", "repeat", "indent", "cut", "insert", "swap"]))
        other = data.draw(st.integers(0, len(lines) - 1))
        match kind:
            case "drop" if len(lines) > 1:
                del lines[index]
            case "repeat":
                lines.insert(other, lines[index])
            case "indent":
                lines[index] = " " * data.draw(st.integers(0, 7)) + lines[index]
            case "cut":
                lines[index] = lines[index][: data.draw(st.integers(0, len(lines[index])))]
            case "insert":
                place = data.draw(st.integers(0, len(lines[index])))
                lines[index] = lines[index][:place] + data.draw(st.text(max_size=6)) + lines[index][place:]
            case _:
                lines[index], lines[other] = lines[other], lines[index]
    never_a_traceback("".join(lines).encode("utf-8", "surrogatepass"))


@FUZZ
@given(found=st.dictionaries(st.sampled_from([*FIELDS, "data", "environments", "tags", "owners"]), VALUES, max_size=6))
def test_a_thousand_team_files_of_the_right_words_in_the_wrong_places_give_no_traceback(found: dict):
    never_a_traceback(json.dumps(found).encode())
