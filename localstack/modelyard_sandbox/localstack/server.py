"""LocalStack's server, on the loopback interface only, with what Modelyard adds to it.

Runs in LocalStack's environment (`environment.py`), which knows nothing of Pulumi: it imports of Modelyard only this
package and the extensions of moto.
"""

# LocalStack lies in an environment of its own, which the type checker doesn't see.
# pyright: reportMissingImports=false

from __future__ import annotations

import argparse
import gc
import sys

from modelyard_sandbox.localstack import services


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="modelyard_sandbox.localstack.server", description=__doc__)
    parser.add_argument("--bridge", action="append", default=[], metavar="SERVICE", help="bridge this one too")
    parser.add_argument("--enforce-iam", action="store_true", help="judge requests to S3 and KMS by their policies")
    given = parser.parse_args()
    # As `modelyard.core.garbage`, which isn't to be had here.
    gc.set_threshold(100_000)

    from localstack.runtime import main as localstack

    from modelyard_sandbox import moto_extensions
    from modelyard_sandbox.localstack import (
        alarms,
        answers,
        bridge,
        enforcement,
        loopback,
        reset,
        stores,
        streams,
        tasks,
    )

    moto_extensions.install()
    bridge.install((*services.BRIDGED, *given.bridge))
    for extension in (alarms, answers, loopback, reset, stores, streams, tasks):
        extension.install()
    if given.enforce_iam:
        enforcement.install()
    sys.argv = sys.argv[:1]
    localstack.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
