"""Write docs/rules.md, the page of every rule, from the rules themselves; `--check` fails where it is out of date."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "components"))

from modelyard.assess.policy.rule import Domain, Rule  # noqa: E402
from modelyard.assess.policy.rules import CATALOGUE  # noqa: E402

PAGE: Final = ROOT / "docs" / "rules.md"
_OURS: Final = ("NIST", "SOC 2", "AIA", "RMF")
_HEAD: Final = f"""# The rules

What [yard check](check.md) asks: {len(CATALOGUE)} rules. This page is written from them by `tools/rules_page.py`.

Each maps to controls of catalogues: FSBP is AWS's Foundational Security Best Practices, CIS the AWS Foundations
benchmark, EKS the CIS benchmark of EKS, CKV the check of Checkov with the same intent. **What maps to NIST (SP 800-53),
SOC 2, AIA (the EU AI Act) or RMF (the NIST AI RMF) is our own reading**, and no auditor's.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(line for domain in Domain for line in _domain(domain))]).rstrip() + "\n"


def _domain(domain: Domain) -> Iterator[str]:
    rules = [rule for rule in CATALOGUE if rule.domain is domain]
    if rules:
        yield f"## {str(domain).capitalize()}"
        yield ""
        yield "| rule | severity | asks | maps to |"
        yield "|---|---|---|---|"
        for rule in rules:
            yield f"| [{rule.id}](#{rule.id}) | {rule.severity} | {rule.title} | {', '.join(rule.maps) or '–'} |"
        yield ""
        for rule in rules:
            yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    own = [control for control in rule.maps if control.startswith(_OURS)]
    yield f"### {rule.id}"
    yield ""
    yield f"{rule.title}. *{str(rule.severity).capitalize()}*"
    yield ""
    yield f"- **Why**: {rule.why}"
    yield f"- **What to do**: {rule.remedy}"
    yield f"- **Looks at**: {', '.join(f'`{kind}`' for kind in rule.types)}"
    if rule.maps:
        reading = f" (our own reading: {', '.join(own)})" if own else ""
        yield f"- **Maps to**: {', '.join(rule.maps)}{reading}"
    yield ""


def main() -> int:
    """0 where the page is as the rules are, or is written; 1 where `--check` finds it older."""
    text = page()
    if "--check" not in sys.argv:
        PAGE.write_text(text, "utf-8")
        print(f"{PAGE.relative_to(ROOT)}: written")
        return 0
    if PAGE.is_file() and PAGE.read_text("utf-8") == text:
        return 0
    print(f"{PAGE.relative_to(ROOT)} is older than the rules: run python tools/rules_page.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
