"""Calls a function of AWS Lambda and waits for its answer: `python -m modelyard_jobs.call FUNCTION KEY=TEXT …`.

For pipelines on Kubernetes, whose steps are pods. `--answer KEY --into FILE` leaves a value of the answer in a file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

LONGEST_SECONDS: Final = 900
"""As long as a function may run (lambda/latest/dg/configuration-timeout)."""


class FunctionFailedError(RuntimeError):
    """The function ran, and refused; the message says what it said."""


def call(function: str, told: Mapping[str, str], *, client: Any = None) -> Any:
    """The answer of `function`. `client`: of boto3. Raises `FunctionFailedError`.

    It isn't called twice: what it does may be done before its answer is lost.
    """
    if client is None:
        import boto3
        from botocore.config import Config

        waits = Config(read_timeout=LONGEST_SECONDS + 10, retries={"total_max_attempts": 1})
        client = boto3.client("lambda", config=waits)
    found = client.invoke(FunctionName=function, Payload=json.dumps(told).encode())
    answer = json.loads(found["Payload"].read())
    if found.get("FunctionError"):
        raise FunctionFailedError(f"{answer.get('errorType', 'Error')}: {answer.get('errorMessage', answer)}")
    return answer


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 where the function refused."""
    parser = argparse.ArgumentParser(prog="python -m modelyard_jobs.call", description=__doc__)
    parser.add_argument("function", help="its name or ARN")
    parser.add_argument("told", nargs="*", type=_pair, help="what it is told, as key=text")
    parser.add_argument("--answer", help="the key of the answer that is kept")
    parser.add_argument("--into", type=Path, help="the file that it is kept in")
    given = parser.parse_args(arguments)
    try:
        answer = call(given.function, dict(given.told))
    except FunctionFailedError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(answer))
    if given.answer is not None and given.into is not None:
        given.into.write_text(str(answer[given.answer]), "utf-8")
    return 0


def _pair(word: str) -> tuple[str, str]:
    key, sign, text = word.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"{word} has no =")
    return key, text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
