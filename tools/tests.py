"""All tests, in two processes beside each other: `python tools/tests.py [pytest's options]`.

What drives the engine and the emulators waits for other processes most of its time, so the rest runs meanwhile; that
half builds Kubernetes first, where this machine has none. Both halves run to their end; the second half's output
follows the first's.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
BESIDE: Final = ("tests/sandbox", "tests/cluster", "tests/localstack", "tests/clients")
FIRST: Final = '"$1" sandbox kubernetes install && shift && exec "$@"'


def main(options: list[str]) -> int:
    """0 when both halves passed, else the first code that isn't."""
    pytest = [str(Path(sys.executable).with_name("pytest"))]
    with tempfile.TemporaryFile("w+") as said:
        beside = subprocess.Popen(
            ["sh", "-c", FIRST, "sh", str(Path(sys.executable).with_name("yard")), *pytest, *BESIDE, *options],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            rest = subprocess.run(
                [*pytest, *(f"--ignore={each}" for each in BESIDE), *options], cwd=ROOT, check=False
            ).returncode
            print(f"{' and '.join(BESIDE)}, which ran meanwhile:", flush=True)
            other = beside.wait()
        finally:
            beside.terminate()
            beside.wait()
        said.seek(0)
        sys.stdout.write(said.read())
    return rest or other


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
