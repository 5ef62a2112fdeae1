"""Run by path, with a folder and a handler: answers the event on standard input, and knows nothing of Modelyard."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import traceback


def main() -> int:
    """Print `{"answer": …, "failed": …}`; what the handler prints goes to standard error."""
    folder, handler = sys.argv[1:]
    sys.path.insert(0, folder)
    module, _, name = handler.rpartition(".")
    failed = False
    with contextlib.redirect_stdout(sys.stderr):
        try:
            answer = getattr(importlib.import_module(module), name)(json.load(sys.stdin), None)
            json.dumps(answer)
        except Exception as error:
            traceback.print_exc()
            answer, failed = {"errorType": type(error).__name__, "errorMessage": str(error)}, True
    print(json.dumps({"answer": answer, "failed": failed}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
