"""Results as JUnit XML: a suite for each rule, a case for each resource that broke it or couldn't be decided.

The form is that of Jenkins's xUnit plugin (`junit-10.xsd`). It has no place for what a result says besides, so each
case tells it line by line, `name: value`, as its output.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from modelyard.assess.policy.engine import Result, Verdict
from modelyard.assess.policy.outputs.places import in_repository, line_of
from modelyard.assess.policy.outputs.rules import every_rule
from modelyard.assess.policy.rule import Rule
from modelyard.assess.policy.waivers import Waived, Waiver

_NOT_IN_XML: Final = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
_LINE_BREAKS: Final = re.compile(r"\s*[\r\n]+\s*")


def junit(results: Sequence[Result], waived: Sequence[Waived], rules: Iterable[Rule], asked: Mapping[str, int]) -> str:
    """The document; `asked` counts by rule how many resources were asked: one case stands for all that pass."""
    by_rule: defaultdict[str, list[tuple[Result, Waiver | None]]] = defaultdict(list)
    for result in results:
        by_rule[result.rule.id].append((result, None))
    for each in waived:
        by_rule[each.result.rule.id].append((each.result, each.waiver))
    suites = ET.Element("testsuites", name="modelyard")
    for rule in every_rule(rules, results, waived):
        _suite(suites, rule, by_rule[rule.id], asked.get(rule.id, 0))
    for count in ("tests", "failures", "errors"):
        suites.set(count, str(sum(int(suite.attrib[count]) for suite in suites)))
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _suite(suites: ET.Element, rule: Rule, found: Sequence[tuple[Result, Waiver | None]], asked: int) -> None:
    suite = ET.SubElement(suites, "testsuite", name=rule.id)
    for result, waiver in found:
        _case(suite, result, waiver)
    passed = asked - len({result.urn for result, _ in found})
    if passed > 0:
        ET.SubElement(suite, "testcase", classname=rule.id, name=f"{passed} passed: {rule.title}", time="0")
    for count, kind in (("tests", "testcase"), ("failures", "testcase/failure"), ("skipped", "testcase/skipped")):
        suite.set(count, str(len(suite.findall(kind))))
    suite.set("errors", "0")
    suite.set("time", "0")


def _case(suite: ET.Element, result: Result, waiver: Waiver | None) -> None:
    name = _text(f"{result.urn} {result.path}".strip())
    case = ET.SubElement(suite, "testcase", classname=result.rule.id, name=name, time="0")
    problem = _text(result.problem)
    if waiver is not None:
        because = f"waived until {waiver.until}: {waiver.reason}"
        ET.SubElement(case, "skipped", type="waived", message=_text(because))
    elif result.verdict is Verdict.UNDECIDED:
        ET.SubElement(case, "skipped", type="undecided", message=problem)
    else:
        failure = ET.SubElement(case, "failure", type=str(result.rule.severity), message=problem)
        where = f"{result.source}: " if result.source else ""
        shown = f"{where}{result.urn.rpartition('::')[2]} {result.problem}. {result.rule.remedy}"
        failure.text = _text(shown)
    said = (f"{key}: {_LINE_BREAKS.sub(' ', value)}" for key, value in _facts(result, waiver))
    ET.SubElement(case, "system-out").text = _text("\n".join(said))


def _facts(result: Result, waiver: Waiver | None) -> Iterator[tuple[str, str]]:
    yield from (("verdict", result.verdict), ("severity", result.rule.severity), ("urn", result.urn))
    yield from (("path", result.path), ("problem", result.problem))
    if result.source is not None and result.source.file:
        yield from (("file", in_repository(result.source.file)), ("line", str(line_of(result.source))))
        yield "written", result.source.path
    if waiver is not None:
        yield from (("reason", waiver.reason), ("owner", waiver.owner), ("until", waiver.until.isoformat()))


def _text(value: str) -> str:
    """`value` without the characters that XML can't hold."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", value)
