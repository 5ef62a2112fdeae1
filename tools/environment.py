"""Make `.venv`: the locked requirements and this checkout, editable. Needs nothing but Python 3.11 or newer."""

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
OLDEST = (3, 11)


def run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=ROOT)


def main() -> int:
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:2]))
        print(f"Modelyard needs Python 3.11 or newer; {sys.executable} is {found}.", file=sys.stderr)
        print("Name another interpreter: make PYTHON=python3.12 …", file=sys.stderr)
        return 2
    uv = ENVIRONMENT / "bin" / "uv"
    try:
        if not PYTHON.exists():
            print("environment: creating .venv", flush=True)
            venv.create(ENVIRONMENT, with_pip=True, symlinks=True)
        if not uv.exists():
            print("environment: installing uv", flush=True)
            run(
                str(PYTHON),
                "-m",
                "pip",
                "install",
                "-q",
                "--require-hashes",
                "-r",
                "requirements/bootstrap.txt",
            )
        print("environment: installing the locked requirements", flush=True)
        run(str(uv), "pip", "sync", "-q", "--python", str(PYTHON), "--require-hashes", "requirements/dev.txt")
        print("environment: installing modelyard from this checkout", flush=True)
        run(
            str(uv),
            "pip",
            "install",
            "-q",
            "--python",
            str(PYTHON),
            "--no-deps",
            "--no-build-isolation",
            "-e",
            ".",
        )
    except subprocess.CalledProcessError as failure:
        print(f"environment: {' '.join(failure.cmd)} ended with {failure.returncode}.", file=sys.stderr)
        print("Mend what it says above and run the same command again.", file=sys.stderr)
        return 2
    (ENVIRONMENT / ".ready").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
