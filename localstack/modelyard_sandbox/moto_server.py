"""Moto's server, on the loopback interface only, with what Modelyard adds to it."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys

LOOPBACK = "127.0.0.1"


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    # State machines and functions call back here.
    os.environ["MOTO_PORT"] = str(port)

    from moto import backends
    from moto.core.config import default_user_config
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    from modelyard.core.garbage import look_seldom
    from modelyard_sandbox import moto_extensions

    look_seldom()
    # Moto looks through its folders for every request, one request at a time.
    modules = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    moto_extensions.install()
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server(LOOPBACK, port, DomainDispatcherApplication(create_backend_app), threaded=True)

    def end(*_: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    print(f"serving on {LOOPBACK}:{port}", flush=True)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
