"""`yard sandbox start | stop | status | reset | seed | env`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelyard.cli.options import Json, Yes

if TYPE_CHECKING:
    from modelyard_sandbox.emulator import Sandbox

app = typer.Typer(help="The AWS emulator of this project, on this machine.", no_args_is_help=True)
kubernetes = typer.Typer(help="The sandbox's Kubernetes: its programs on this machine.", no_args_is_help=True)
app.add_typer(kubernetes, name="kubernetes")
Emulator = Annotated[
    str | None, typer.Option(help="moto or localstack. Absent: the last start's, until it is stopped; else moto.")
]
Bridge = Annotated[
    list[str] | None, typer.Option(help="A further service of moto's that LocalStack is to offer; may be repeated.")
]
Kubernetes = Annotated[
    bool | None,
    typer.Option(help="Run an API server of Kubernetes beside it. Absent: where the platform's file wants a cluster."),
]
Nodes = Annotated[int | None, typer.Option(help="Nodes to play in the cluster, with eight GPUs each.", min=0, max=100)]
Port = Annotated[int | None, typer.Option(help="The port to listen on. Absent: a free one.", min=1, max=65535)]


def _sandbox() -> Sandbox:
    from modelyard.blueprints.project import Project
    from modelyard_sandbox.emulator import Sandbox

    return Sandbox(Project.find().root)


@app.command()
def start(
    port: Port = None,
    emulator: Emulator = None,
    bridge: Bridge = None,
    kubernetes: Kubernetes = None,
    gpu_nodes: Nodes = None,
    json: Json = False,
) -> None:
    """Start it in the background, if it isn't running."""
    found = _sandbox().start(port, emulator, bridge or (), kubernetes=kubernetes, gpu_nodes=gpu_nodes)
    _print(found, json)


@app.command()
def stop(json: Json = False) -> None:
    """Stop it; everything in it is gone, and so is Pulumi's state of it."""
    ran = _sandbox().stop()
    _say({"stopped": ran}, "stopped, and everything in it is gone" if ran else "it didn't run", json)


@app.command()
def status(json: Json = False) -> None:
    """Show whether it runs, where, and what exists in it, service by service."""
    sandbox = _sandbox()
    found = sandbox.status()
    if found["healthy"]:
        found["counts"] = sandbox.counts()
    _print(found, json)


@app.command()
def reset(yes: Yes = False, json: Json = False) -> None:
    """Empty it: the emulator, and Pulumi's state of what was in it."""
    if not yes and not typer.confirm("Everything in the sandbox will be gone. Go on?"):
        raise typer.Exit(130)
    _print(_sandbox().reset(), json)


@app.command()
def seed(json: Json = False) -> None:
    """Let each loop release a first version that is made up, so that the next `yard up` makes its endpoint."""
    import sys

    from modelyard.blueprints.project import Project
    from modelyard.operate import deployments
    from modelyard_sandbox.seed import seed as seed_loops

    where = deployments.place(Project.find(), None, None, sandbox=True)
    found = seed_loops(where, lambda line: print(line, file=sys.stderr))
    lines = [
        f"{each.team}: version {each.version} of {each.model} " + ("is released" if each.new else "was released before")
        for each in found
    ]
    _say({"seeded": [each.as_json() for each in found]}, "\n".join(lines) or "no loop waits for a version", json)


@app.command()
def env(json: Json = False) -> None:
    """Print what leads pulumi, aws and boto3 to the sandbox: eval "$(yard sandbox env)"."""
    import os
    import shlex

    from modelyard.engine import locate

    variables = _sandbox().environment()
    engine = locate()
    if engine is not None:
        variables["PATH"] = engine.search_path(os.environ.get("PATH", ""))
    if json:
        _say(variables, "", json)
        return
    for name, value in sorted(variables.items()):
        print(f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}")


@kubernetes.command()
def install(json: Json = False) -> None:
    """Build Kubernetes from its Go modules, unless it is there, and fetch the definitions of custom resources."""
    from modelyard.engine import Shown
    from modelyard_sandbox.kubernetes import binaries, crds

    with Shown() as progress:
        programs = binaries.install(progress)
        crds.fetch(tuple(crds.table()), progress)
    found = {"version": binaries.VERSION, "folder": str(programs.folder), "definitions": list(crds.table())}
    lines = [f"Kubernetes {binaries.VERSION}: {programs.folder}", f"definitions of {', '.join(crds.table())}"]
    _say(found, "\n".join(lines), json)


def _print(found: dict[str, Any], json: bool) -> None:
    if not found["running"]:
        _say(found, "not running; start it: yard sandbox start", json)
        return
    health = "running" if found["healthy"] else "running, and not answering"
    pids = ", ".join(map(str, found["pids"].values()))
    lines = [f"{health} on {found['emulator']} at {found['endpoint']} (pids {pids})"]
    lines.append(f"state and logs: {found['folder']}")
    cluster = found["kubernetes"]
    if cluster:
        nodes = f", {cluster['gpu_nodes']} nodes with GPUs" if cluster["gpu_nodes"] else ""
        lines.append(f"Kubernetes {cluster['version']} at {cluster['address']}{nodes}: {cluster['kubeconfig']}")
    for how, who in (("native", "answered by LocalStack"), ("bridged", "answered by moto, behind the same gateway")):
        names = [name for name, answered in found["services"].items() if answered == how]
        lines += [f"{who} ({len(names)}): {', '.join(names)}"] if names else []
    if "counts" in found:
        lines += [f"  {name}: {count}" for name, count in sorted(found["counts"].items())] or ["it is empty"]
    _say(found, "\n".join(lines), json)


def _say(data: dict[str, Any], text: str, json: bool) -> None:
    if json:
        from json import dumps

        print(dumps(data, indent=2))
    else:
        print(text)
