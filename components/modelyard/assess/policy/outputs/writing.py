"""What was checked, in the form that somebody asked for."""

from __future__ import annotations

import json
from collections import Counter
from importlib.metadata import version
from typing import Literal

from modelyard.assess.policy.examine import Checked
from modelyard.assess.policy.outputs.junit import junit
from modelyard.assess.policy.outputs.sarif import sarif
from modelyard.assess.policy.outputs.text import lines, markdown

Format = Literal["text", "json", "sarif", "junit", "markdown"]


def written(found: Checked, form: Format) -> str:
    """The text, ending in a line break."""
    results = [result for one in found.stacks for result in one.results]
    waived = [each for one in found.stacks for each in one.waived]
    match form:
        case "json":
            return json.dumps(found.as_json(), indent=2) + "\n"
        case "sarif":
            return json.dumps(sarif(results, waived, found.rules, version=version("modelyard")), indent=1) + "\n"
        case "junit":
            asked = sum((Counter(one.judgement.asked) for one in found.stacks), Counter[str]())
            return junit(results, waived, found.rules, asked)
        case "markdown":
            return markdown(found.stacks, found.unused, found.ending)
        case "text":
            return "\n".join(lines(found.stacks, found.unused, found.ending)) + "\n"
