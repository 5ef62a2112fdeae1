"""One recording in a process of its own: `python -m tools.bench.one_recording record|mocks COUNT`, seconds as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from time import perf_counter, process_time

from tools.bench.mix import TABLE, declare, sdk_class


def _record(count: int) -> tuple[float, int]:
    from modelyard.assess.graph import record

    begin = process_time()
    graph = record(lambda: declare(count, "bench"), project="bench", stack="bench")
    return process_time() - begin, sum(node.type.startswith("aws:") for node in graph)


def _mocks(count: int) -> tuple[float, int]:
    import pulumi
    from pulumi.runtime.stack import run_pulumi_func

    class Answers(pulumi.runtime.Mocks):
        made = 0

        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, object]]:
            Answers.made += args.typ.startswith("aws:")
            return args.name, {**args.inputs, "arn": f"arn:aws:bench:::{args.name}", "key_id": args.name}

        def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, object], None]:
            return {}, None

    async def program() -> None:
        pulumi.runtime.set_mocks(Answers(), project="bench", stack="bench", preview=False)
        await run_pulumi_func(lambda: declare(count, "bench"))

    begin = process_time()
    asyncio.run(program())
    return process_time() - begin, Answers.made


def main(how: str, count: int) -> None:
    """Print the seconds for the SDK's imports, for all that follows them, and the processor's for recording alone."""
    begin = perf_counter()
    for entry in TABLE:
        sdk_class(entry)
    imported = perf_counter()
    work, made = {"record": _record, "mocks": _mocks}[how](count)
    done = perf_counter()
    if made != count:
        sys.exit(f"{how}: {made} resources were declared, not {count}")
    print(json.dumps({"imports": imported - begin, "beyond": done - imported, "work": work}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
