"""All tests: `python tools/tests.py [pytest's options]`. First the quick ones, then the rest in two halves.

The quick ones run file by file on every core. What drives the engine and the emulators waits for other processes
most of its time, so the halves run beside each other; the second builds Kubernetes first, where this machine has none.
All run to their end; the second half's output follows the first's.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
QUICK: Final = ("tests/unit", "-n", "logical", "--dist", "loadfile")
BESIDE: Final = ("tests/sandbox", "tests/cluster", "tests/localstack", "tests/clients")
FIRST: Final = '"$1" sandbox kubernetes install && shift && exec "$@"'


def main(options: list[str]) -> int:
    """0 when all passed, else the first code that isn't."""
    pytest = [str(Path(sys.executable).with_name("pytest"))]
    quick = subprocess.run([*pytest, *QUICK, *options], cwd=ROOT, check=False).returncode
    with tempfile.TemporaryFile("w+") as said:
        beside = subprocess.Popen(
            ["sh", "-c", FIRST, "sh", str(Path(sys.executable).with_name("yard")), *pytest, *BESIDE, *options],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        others = [f"--ignore={each}" for each in (QUICK[0], *BESIDE)]
        try:
            rest = subprocess.run([*pytest, *others, *options], cwd=ROOT, check=False).returncode
            print(f"{' and '.join(BESIDE)}, which ran meanwhile:", flush=True)
            other = beside.wait()
        finally:
            beside.terminate()
            beside.wait()
        said.seek(0)
        sys.stdout.write(said.read())
    return quick or rest or other


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
