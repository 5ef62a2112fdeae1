"""The Python language host: what the Pulumi engine starts in order to run Python programs, packs and packages.

It is used only where the official `pulumi-language-python` cannot be had. The file is copied beside the CLI and runs by
itself: it needs grpc and the protocol files of the `pulumi` package, and nothing of Modelyard.
Protocol: `pulumi/language.proto`, service LanguageRuntime.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import pathlib
import queue
import signal
import subprocess
import sys
import threading
import types
from concurrent import futures


def _without_importing_pulumi() -> None:
    """Registers empty parents of the protocol package: importing the whole SDK costs half a second."""
    found = importlib.util.find_spec("pulumi")
    if found is None or not found.submodule_search_locations:
        sys.exit(f"{sys.executable} has no pulumi package; install Modelyard into this environment again")
    folder = list(found.submodule_search_locations)[0]
    for name, path in (("pulumi", folder), ("pulumi.runtime", os.path.join(folder, "runtime"))):
        module = types.ModuleType(name)
        module.__path__ = [path]
        sys.modules[name] = module


_without_importing_pulumi()

import grpc  # noqa: E402
from google.protobuf import empty_pb2  # noqa: E402
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2  # noqa: E402

_SHOWN_ALREADY = 32
"""The exit code with which a program says that its error has been shown."""

_RUN = """import atexit, gc, os, runpy, sys
gc.set_threshold(100_000)
if os.environ.get("MODELYARD_SANDBOX") == "1":
    atexit.register(gc.freeze)
del sys.argv[0]
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a script as `python SCRIPT` does, but looks for garbage seldom: what the SDKs make stays, and by Python's own
measure a quarter of a program's time goes into looking through it. In the sandbox it isn't looked through in the end
either; elsewhere it is, as libraries that count what they lent out say loudly where it stays."""

_PACKAGES = (
    "import glob, site, sys; print('\\n'.join(p for d in sys.path for p in glob.glob(d + '/*/pulumi-plugin.json')))"
)


def interpreter(root: str, options: dict) -> str:
    """The Python that runs a program: its `virtualenv`, its `toolchain`'s environment, else that of the shell.

    Relative paths count from `root`, the folder of Pulumi.yaml. Raises FileNotFoundError for an environment that is
    named and not there.
    """
    named, toolchain = options.get("virtualenv"), options.get("toolchain")
    if named:
        return _inside(os.path.join(root, os.path.expanduser(named)), root)
    if toolchain == "uv":
        named = os.environ.get("UV_PROJECT_ENVIRONMENT") or ".venv"
        folders = (os.path.join(str(folder), named) for folder in (root, *pathlib.Path(root).parents))
        return _inside(next((folder for folder in folders if os.path.isdir(folder)), named), root)
    if toolchain == "poetry":
        command = ["poetry", "env", "info", "--executable", "--no-interaction"]
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    if os.environ.get("PULUMI_PYTHON_CMD"):
        return os.environ["PULUMI_PYTHON_CMD"]
    active = os.path.join(os.environ.get("VIRTUAL_ENV", ""), "bin", "python")
    if os.environ.get("VIRTUAL_ENV") and os.path.exists(active):
        return active
    return sys.executable


def _inside(environment: str, root: str) -> str:
    python = os.path.join(environment, "bin", "python")
    if not os.path.exists(python):
        raise FileNotFoundError(
            f"{root}/Pulumi.yaml: runtime.options: {environment} holds no Python environment. "
            "Make it, or remove the option to use the shell's."
        )
    return python


def _python(info, context) -> str:
    options = {key: info.options[key] for key in info.options} if info.HasField("options") else {}
    try:
        return interpreter(info.root_directory, options)
    except (OSError, subprocess.CalledProcessError) as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        raise


def _streamed(process: subprocess.Popen):
    """What `process` writes, as responses, until both its pipes are closed."""
    inbox: queue.Queue = queue.Queue()

    def read(name: str) -> None:
        while chunk := getattr(process, name).read1(1 << 16):
            inbox.put(language_pb2.RunPluginResponse(**{name: chunk}))
        inbox.put(None)

    for name in ("stdout", "stderr"):
        threading.Thread(target=read, args=(name,), daemon=True).start()
    for _ in range(2):
        while (response := inbox.get()) is not None:
            yield response


class Host(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers the engine; programs run in process groups of their own, so that only `Cancel` ends them early."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.running: set[subprocess.Popen] = set()
        self.cancelled = False

    def Handshake(self, request, context):
        self.engine = request.engine_address or self.engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="1.0.0")

    def About(self, request, context):
        python = _python(request.info, context)
        version = subprocess.run([python, "--version"], capture_output=True, text=True).stdout.split()
        return language_pb2.AboutResponse(executable=python, version=version[-1] if version else "")

    def RuntimeOptionsPrompts(self, request, context):
        return language_pb2.RuntimeOptionsResponse()

    def GetRequiredPlugins(self, request, context):
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, request, context):
        answer = language_pb2.GetRequiredPackagesResponse()
        listed = subprocess.run([_python(request.info, context), "-c", _PACKAGES], capture_output=True, text=True)
        for path in listed.stdout.split("\n"):
            if not path:
                continue
            said = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
            if said.get("resource"):
                name = said.get("name") or pathlib.Path(path).parent.name.removeprefix("pulumi_")
                answer.packages.add(
                    name=name, kind="resource", version=said.get("version", ""), server=said.get("server", "")
                )
        return answer

    def GetProgramDependencies(self, request, context):
        answer = language_pb2.GetProgramDependenciesResponse()
        for found in importlib.metadata.distributions():
            answer.dependencies.add(name=found.metadata["Name"], version=found.version)
        return answer

    def InstallDependencies(self, request, context):
        said = "Install the dependencies with your own tool (uv, pip); this language host leaves environments alone.\n"
        yield language_pb2.InstallDependenciesResponse(stdout=said.encode())

    def Run(self, request, context):
        program = os.path.join(request.info.program_directory, request.info.entry_point)
        launcher = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pulumi-language-python-exec")
        arguments = [
            "--monitor",
            request.monitor_address,
            "--engine",
            self.engine,
            "--project",
            request.project,
        ]
        arguments += [
            "--stack",
            request.stack,
            "--pwd",
            request.pwd,
            "--root_directory",
            request.info.root_directory,
        ]
        arguments += ["--parallel", str(request.parallel), "--dry_run", "true" if request.dryRun else "false"]
        arguments += ["--organization", request.organization, program, *request.args]
        environment = {**os.environ, "PULUMI_CONFIG": json.dumps(dict(request.config))}
        environment["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(list(request.configSecretKeys))
        command = [_python(request.info, context), "-u", "-c", _RUN, launcher, *arguments]
        code = self._wait(subprocess.Popen(command, cwd=request.pwd or None, env=environment, process_group=0))
        if code == _SHOWN_ALREADY or (code and self.cancelled):
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"the program ended with exit code {code}" if code else "")

    def RunPlugin(self, request, context):
        folder = request.info.program_directory
        started = ["-m", "pulumi.policy", self.engine] if request.kind == "analyzer" else []
        arguments = [] if started else list(request.args)
        environment = {**os.environ, **dict(item.partition("=")[::2] for item in request.env)}
        process = subprocess.Popen(
            [_python(request.info, context), "-u", *started, folder, *arguments],
            cwd=request.pwd or None,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
        context.add_callback(process.terminate)
        yield from _streamed(process)
        yield language_pb2.RunPluginResponse(exitcode=self._wait(process))

    def Cancel(self, request, context):
        self.cancelled = True
        for process in list(self.running):
            process.terminate()
        return empty_pb2.Empty()

    def _wait(self, process: subprocess.Popen) -> int:
        self.running.add(process)
        try:
            return process.wait()
        finally:
            self.running.discard(process)


def main() -> None:
    """Serves until the engine ends this process; the first line of standard output is the port."""
    engine = next((word for word in reversed(sys.argv[1:]) if not word.startswith("-")), "")
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=unlimited)
    host = Host(engine)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    ended = threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: ended.set())
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    ended.wait()
    for process in list(host.running):
        process.terminate()
    server.stop(grace=1).wait()


if __name__ == "__main__":
    main()
