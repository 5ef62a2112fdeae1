"""SARIF and JUnit: valid by the schemas that their readers hold them to, and everything of a result comes back out."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from jsonschema import Draft7Validator
from tests.shipped import copied

from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.values import UNKNOWN
from modelyard.assess.policy.engine import Result
from modelyard.assess.policy.examine import Checked, examine
from modelyard.assess.policy.examples import graph_of, part
from modelyard.assess.policy.outputs.writing import written
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.rules.features import RULES
from modelyard.assess.policy.subject import Surroundings
from modelyard.assess.policy.waivers import Waiver
from modelyard.blueprints import Project
from modelyard.core.errors import Source
from modelyard.operate.recorded import Recorder

SCHEMAS = Path(__file__).parent / "schemas"
TABLE = "aws:dynamodb/table:Table"
WAIVER = Waiver(
    rule="dynamodb-cmk",
    urn="*::plain",
    reason="a test | with <signs> & more",
    owner="ada@acme.example",
    until=date(2026, 12, 1),
)
FILE = "stacks/teams/fraud team.yaml"
PLACE = Source(FILE, "features.views.entity", 45, 3)

Facts = tuple[str, str, str, str, str, str, str, int, str, str]
"""Rule, verdict, severity, URN, path, problem, file, line, where in the file, and why and until when it is waived."""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that lies in a folder of a repository, from which the check runs."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "ml").mkdir()
    monkeypatch.chdir(tmp_path / "ml")
    return tmp_path


def checked(place: Source | None = PLACE, **tables: dict[str, Any]) -> Checked:
    made = graph_of([part(TABLE, name, **properties) for name, properties in tables.items()])
    located = Graph(made.project, made.stack, tuple(replace(node, source=place) for node in made))
    one = examine(
        located,
        RULES,
        Surroundings(environment="prod", production=True),
        stack="fraud",
        profile="baseline",
        waivers=[WAIVER],
    )
    return Checked((one,), RULES, (), ())


def broken(place: Source | None = PLACE) -> Checked:
    return checked(
        place,
        plain={"name": "t"},
        later={"name": "u", "pointInTimeRecovery": UNKNOWN},
        whole={
            "name": "v",
            "pointInTimeRecovery": {"enabled": True},
            "serverSideEncryption": {"enabled": True, "kmsKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/0"},
            "deletionProtectionEnabled": True,
        },
    )


def told(found: Checked, file: str) -> set[Facts]:
    """What the results say, as both readers must find it."""
    said = set[Facts]()
    for one in found.stacks:
        for result in one.results:
            said.add((*_facts(result, file), ""))
        for each in one.waived:
            waiver = each.waiver
            said.add((*_facts(each.result, file), f"{waiver.reason}, {waiver.owner}, {waiver.until.isoformat()}"))
    return said


def _facts(result: Result, file: str) -> tuple[str, str, str, str, str, str, str, int, str]:
    place = result.source
    assert place is not None
    rule = result.rule
    return (
        rule.id,
        result.verdict,
        rule.severity,
        result.urn,
        result.path,
        result.problem,
        file,
        place.line or 1,
        place.path,
    )


def sarif_results(text: str) -> Iterator[dict[str, Any]]:
    (run,) = json.loads(text)["runs"]
    yield from run["results"]


def read_sarif(text: str) -> set[Facts]:
    back = set[Facts]()
    for each in sarif_results(text):
        said, (place,) = each["properties"], each["locations"]
        written_at = [logical["fullyQualifiedName"] for logical in place["logicalLocations"][1:]]
        waiver = [suppressed["properties"] for suppressed in each.get("suppressions", ())]
        back.add(
            (
                each["ruleId"],
                said["verdict"],
                said["severity"],
                said["urn"],
                said["path"],
                said["problem"],
                place["physicalLocation"]["artifactLocation"]["uri"],
                place["physicalLocation"]["region"]["startLine"],
                "".join(written_at),
                "".join(f"{one['reason']}, {one['owner']}, {one['until']}" for one in waiver),
            )
        )
    return back


def read_junit(text: str) -> set[Facts]:
    back = set[Facts]()
    for case in ET.fromstring(text).iter("testcase"):
        output = case.findtext("system-out")
        if output is None:
            continue
        said = dict(line.split(": ", 1) for line in output.splitlines())
        waived = f"{said['reason']}, {said['owner']}, {said['until']}" if "until" in said else ""
        names = ("verdict", "severity", "urn", "path", "problem", "file")
        first = (case.attrib["classname"], *(said[name] for name in names))
        back.add((*first, int(said["line"]), said["written"], waived))  # pyright: ignore[reportArgumentType]
    return back


def outcome(case: ET.Element) -> str:
    skipped = case.find("skipped")
    if skipped is not None:
        return skipped.attrib["type"]
    return "failed" if case.find("failure") is not None else "passed"


@pytest.fixture(scope="module")
def sarif_schema() -> Draft7Validator:
    return Draft7Validator(json.loads((SCHEMAS / "sarif-schema-2.1.0.json").read_text("utf-8")))


@pytest.fixture(scope="module")
def junit_schema() -> xmlschema.XMLSchema10:
    return xmlschema.XMLSchema10(SCHEMAS / "junit-10.xsd")


EMPTY = checked()


def test_sarif_is_what_the_standard_says(repository: Path, sarif_schema: Draft7Validator):
    for found in (broken(), broken(None), EMPTY, replace(EMPTY, rules=CATALOGUE)):
        assert [error.message for error in sarif_schema.iter_errors(json.loads(written(found, "sarif")))] == []


def test_the_schema_refuses_a_log_that_lacks_what_it_must_have(repository: Path, sarif_schema: Draft7Validator):
    log = json.loads(written(broken(), "sarif"))
    del log["runs"][0]["results"][0]["message"]
    assert not sarif_schema.is_valid(log)


def test_junit_is_what_ci_servers_read(repository: Path, junit_schema: xmlschema.XMLSchema10):
    for found in (broken(), broken(None), EMPTY, replace(EMPTY, rules=CATALOGUE)):
        junit_schema.validate(written(found, "junit"))
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        junit_schema.validate(written(broken(), "junit").replace("<failure", "<broken").replace("/failure", "/broken"))


def test_everything_of_a_result_comes_back_out_of_sarif(repository: Path):
    found = broken()
    assert len(told(found, "")) == 6, "three rules on two tables, and the third table breaks none"
    assert read_sarif(written(found, "sarif")) == told(found, "ml/stacks/teams/fraud%20team.yaml")


def test_everything_of_a_result_comes_back_out_of_junit(repository: Path):
    found = broken()
    assert read_junit(written(found, "junit")) == told(found, f"ml/{FILE}")


def test_what_nobody_can_decide_is_open_in_sarif_and_no_failure(repository: Path):
    (open_,) = [each for each in sarif_results(written(broken(), "sarif")) if each["kind"] == "open"]
    assert (open_["ruleId"], open_["level"]) == ("dynamodb-pitr", "none"), "SARIF has no level for what isn't a failure"


def test_a_waived_result_is_suppressed_in_sarif_and_skipped_in_junit(repository: Path):
    found = broken()
    (suppressed,) = [each for each in sarif_results(written(found, "sarif")) if "suppressions" in each]
    (suppression,) = suppressed["suppressions"]
    assert (suppressed["ruleId"], suppression["status"]) == ("dynamodb-cmk", "accepted")
    assert suppression["justification"] == "a test | with <signs> & more (ada@acme.example, until 2026-12-01)"
    outcomes = [outcome(case) for case in ET.fromstring(written(found, "junit")).iter("testcase")]
    assert sorted(set(outcomes)) == ["failed", "passed", "undecided", "waived"]
    assert outcomes.count("waived") == 1


def test_a_code_host_gets_each_rule_with_its_help_and_how_bad_it_is(repository: Path):
    (run,) = json.loads(written(replace(EMPTY, rules=CATALOGUE), "sarif"))["runs"]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert set(rules) == {rule.id for rule in CATALOGUE}
    for rule in CATALOGUE:
        shown = rules[rule.id]
        assert rule.remedy in shown["help"]["markdown"] and rule.why in shown["help"]["text"]
        assert 0 < float(shown["properties"]["security-severity"]) < 10
    found = broken()
    (run,) = json.loads(written(found, "sarif"))["runs"]
    listed = run["tool"]["driver"]["rules"]
    assert all(listed[each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])


def test_a_rule_of_another_tool_is_listed_where_it_found_something(
    repository: Path, sarif_schema: Draft7Validator, junit_schema: xmlschema.XMLSchema10
):
    found = broken()
    (one,) = found.stacks
    first = one.results[0]
    foreign = replace(first, rule=replace(first.rule, id="checkov:CKV_AWS_119"))
    more = replace(found, stacks=(replace(one, results=(*one.results, foreign)),))
    log = json.loads(written(more, "sarif"))
    assert list(sarif_schema.iter_errors(log)) == []
    junit_schema.validate(written(more, "junit"))
    assert len(read_sarif(written(more, "sarif"))) == len(read_junit(written(more, "junit"))) == 7
    (run,) = log["runs"]
    (shown,) = [each for each in run["results"] if each["ruleId"] == "checkov:CKV_AWS_119"]
    assert run["tool"]["driver"]["rules"][shown["ruleIndex"]]["id"] == "checkov:CKV_AWS_119"


def test_a_finding_is_known_again_after_the_file_changed_above_it(repository: Path):
    def prints(place: Source) -> list[str]:
        return [each["partialFingerprints"]["modelyard/v1"] for each in sarif_results(written(broken(place), "sarif"))]

    before, after = prints(PLACE), prints(replace(PLACE, line=90, column=5))
    assert before == after
    assert len(set(before)) == len(before), "no two findings are one"


def test_the_count_of_tests_is_the_count_of_cases(repository: Path):
    suites = ET.fromstring(written(broken(), "junit"))
    counted = {"tests": 0, "failures": 0}
    for suite in suites:
        outcomes = [outcome(case) for case in suite.findall("testcase")]
        assert int(suite.attrib["tests"]) == len(outcomes)
        assert int(suite.attrib["failures"]) == outcomes.count("failed")
        assert int(suite.attrib["skipped"]) == outcomes.count("waived") + outcomes.count("undecided")
        counted = {name: count + int(suite.attrib[name]) for name, count in counted.items()}
    assert {name: int(suites.attrib[name]) for name in counted} == counted
    assert counted["tests"] > counted["failures"] > 0


def test_those_that_pass_are_told_as_one_case_with_their_number(repository: Path):
    (suite,) = ET.fromstring(written(broken(), "junit")).findall("testsuite[@name='dynamodb-deletion-protection']")
    passed = [case.attrib["name"] for case in suite.findall("testcase") if outcome(case) == "passed"]
    (rule,) = [rule for rule in RULES if rule.id == "dynamodb-deletion-protection"]
    assert passed == [f"1 passed: {rule.title}"]


def test_a_problem_with_signs_that_xml_cannot_hold_is_still_told(junit_schema: xmlschema.XMLSchema10):
    found = broken()
    (one,) = found.stacks
    odd = replace(one.results[0], problem="runs \x00\x1b[31mred\nand more")
    text = written(replace(found, stacks=(replace(one, results=(odd,)),)), "junit")
    junit_schema.validate(text)
    assert "��[31mred and more" in text.replace("&#10;", " ")


def test_a_file_outside_of_every_repository_is_named_whole(tmp_path: Path):
    place = Source(str(tmp_path / "fraud.yaml"), "", 7)
    (first, *_) = sarif_results(written(broken(place), "sarif"))
    assert first["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": (tmp_path / "fraud.yaml").as_uri()}


def test_a_result_that_speaks_of_a_whole_file_stands_at_its_first_line(repository: Path):
    (first, *_) = sarif_results(written(broken(Source(FILE)), "sarif"))
    assert first["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Recorder]:
    """The shipped project, and one recorder for it."""
    project = Project(copied(tmp_path_factory.mktemp("project")))
    return project, Recorder(project)


def test_every_resource_of_the_shipped_stacks_was_written_in_a_file_of_the_project(shipped: tuple[Project, Recorder]):
    project, recorder = shipped
    own = {str(project.platform_file), *(str(project.team_file(team)) for team in project.teams())}
    for name in ("platform", "fraud", "demand"):
        for node in recorder.graph(name, "dev"):
            if node.type.startswith(("pulumi:pulumi:", "pulumi:providers:")):
                continue
            assert node.source is not None and node.source.file in own, f"{node.urn}: {node.source}"


def test_what_a_component_makes_for_itself_points_to_the_line_that_asked_for_it(shipped: tuple[Project, Recorder]):
    project, recorder = shipped
    graph = recorder.graph("platform", "dev")
    (network,) = graph.of_type("modelyard:network:Network")
    (role,) = graph.named("network-flow-logs-role")
    assert network.source is not None and role.source == network.source
    assert project.platform_file.read_text().splitlines()[network.source.line - 2].startswith("network:")
