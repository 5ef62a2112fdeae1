"""`python tools/bench`: measure, and print each figure with its target and its yardstick."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.bench.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
