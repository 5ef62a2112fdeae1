"""`yard`: thin commands over `modelyard.operate`, `assess` and `engine`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn

DEBUG = "YARD_DEBUG"
"""Set it to see the traceback of an internal error."""


def main() -> NoReturn:
    """Run `yard`. Ends with 0 when all is well, 1 when a deployment or a check failed, 2 for what the user can mend,
    3 for a fault of Modelyard's own, 130 when interrupted."""
    from modelyard.core.garbage import look_seldom

    look_seldom()

    from modelyard.cli.app import app

    sys.exit(ended(app))


def ended(run: Callable[[], object]) -> int:
    """Run it, tell what went wrong, and return what the process ends with."""
    from modelyard.core.errors import ModelyardError

    try:
        run()
    except ModelyardError as error:
        say(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        print(f"internal error: {type(error).__name__}: {error}", file=sys.stderr)
        print(f"This is a fault of Modelyard. Run it again with {DEBUG}=1 and report what it prints.", file=sys.stderr)
        return 3
    return 0


def say(error: Exception) -> None:
    """Print what is wrong to standard error: one fault a line, or JSON where the command was asked for JSON."""
    faults = getattr(error, "faults", ())
    if "--json" in sys.argv:
        import json

        print(json.dumps({"error": type(error).__name__, "faults": [fault.as_json() for fault in faults]}, indent=2))
    else:
        for fault in faults:
            print(f"error: {fault}", file=sys.stderr)
