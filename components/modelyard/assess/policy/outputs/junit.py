"""Results as JUnit XML: a suite for each rule, a case for each resource that broke it or couldn't be decided."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from modelyard.assess.policy.engine import Result, Verdict
from modelyard.assess.policy.rule import Rule
from modelyard.assess.policy.waivers import Waived


def junit(results: Sequence[Result], waived: Sequence[Waived], rules: Iterable[Rule], asked: Mapping[str, int]) -> str:
    """The document; `asked` counts by rule how many resources were asked: those that pass are counted alone."""
    by_rule: defaultdict[str, list[tuple[Result, Waived | None]]] = defaultdict(list)
    for result in results:
        by_rule[result.rule.id].append((result, None))
    for each in waived:
        by_rule[each.result.rule.id].append((each.result, each))
    suites = ET.Element("testsuites", name="modelyard")
    for rule in sorted(rules, key=lambda rule: rule.id):
        found = by_rule[rule.id]
        failed = sum(1 for result, waiver in found if waiver is None and result.verdict is Verdict.VIOLATED)
        skipped = len(found) - failed
        suite = ET.SubElement(
            suites,
            "testsuite",
            name=rule.id,
            tests=str(max(asked.get(rule.id, 0), len(found))),
            failures=str(failed),
            errors="0",
            skipped=str(skipped),
            time="0",
        )
        for result, waiver in found:
            _case(suite, result, waiver)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, result: Result, waived: Waived | None) -> None:
    case = ET.SubElement(
        suite, "testcase", classname=result.rule.id, name=f"{result.urn} {result.path}".strip(), time="0"
    )
    where = f"{result.source}: " if result.source else ""
    text = f"{where}{result.urn.rpartition('::')[2]} {result.problem}. {result.rule.remedy}"
    if waived is not None:
        ET.SubElement(case, "skipped", message=f"waived until {waived.waiver.until}: {waived.waiver.reason}")
    elif result.verdict is Verdict.UNDECIDED:
        ET.SubElement(case, "skipped", message=result.problem)
    else:
        failure = ET.SubElement(case, "failure", type=str(result.rule.severity), message=result.problem)
        failure.text = text
