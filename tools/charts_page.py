"""Write the table of docs/charts.md from the table of charts: `python tools/charts_page.py [--check]`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "components"))

from modelyard.foundation.cluster.charts import Chart, Support, table  # noqa: E402

PAGE: Final = ROOT / "docs" / "charts.md"
_MARKERS: Final = re.compile(r"(<!-- charts:start -->\n).*?(<!-- charts:end -->)", re.DOTALL)
_HOW: Final = {"templates": "in it, updated with it", "folder": "in it, made once", "": "–"}


def rows() -> Iterator[str]:
    """The lines of both tables."""
    yield "| chart | version | of Kubernetes | from | definitions | from a mirror |"
    yield "|---|---|---|---|---|---|"
    for name, chart in table().items():
        fits = _fits(chart.versions[chart.version])
        brings = _HOW.get(chart.definitions, f"`{chart.definitions}`")
        mirrored = "no" if chart.images is None else "yes"
        others = [version for version in chart.versions if version != chart.version]
        also = f" (also {', '.join(others)})" if others else ""
        yield f"| `{name}` | {chart.version}{also} | {fits} | {_origin(chart)} | {brings} | {mirrored} |"
    yield ""
    yield "| chart | what we read | what we couldn't verify |"
    yield "|---|---|---|"
    for name, chart in table().items():
        yield f"| `{name}` | {chart.source}, {chart.read_on} | {chart.unverified or '–'} |"


def _fits(known: Support) -> str:
    if known.newest is not None:
        return f"{known.oldest} to {known.newest}"
    return f"{known.oldest} or newer" if known.oldest else "nothing is said"


def _origin(chart: Chart) -> str:
    return f"`{chart.repository}/{chart.chart}`"


def page(text: str) -> str:
    """The page with its table as the charts are."""
    told = "\n".join(rows())
    return _MARKERS.sub(lambda found: f"{found[1]}{told}\n{found[2]}", text)


def main() -> int:
    """0 where the page is as the table is, or is written; 1 where `--check` finds it older."""
    before = PAGE.read_text("utf-8")
    after = page(before)
    if "--check" not in sys.argv:
        PAGE.write_text(after, "utf-8")
        print(f"{PAGE.relative_to(ROOT)}: written")
        return 0
    if before == after:
        return 0
    print(f"{PAGE.relative_to(ROOT)} is older than the charts: run python tools/charts_page.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
