"""Which API server a provider's configuration means, and who calls: read, judged, and never believed.

Whatever a kubeconfig says, requests go to the sandbox's API server alone. It may be named in two ways: by its own
address, or as the endpoint of a cluster of EKS that exists in the sandbox's AWS. A program that a kubeconfig wants to
have run is never run: `aws eks get-token` is understood, everything else refused.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from modelyard_sandbox.aws.session import decoded
from modelyard_sandbox.kubernetes.provider.api import Server
from modelyard_sandbox.plugins.answers import ConfigurationRefused

START: Final = (
    'start the sandbox (yard sandbox start --kubernetes) and take its environment: eval "$(yard sandbox env)"'
)
_OPTIONS: Final = ("--cluster-name", "--region", "--role-arn", "--output")
_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_STS_REGIONAL_ENDPOINTS")
_FOREIGN_USER: Final = (
    "auth-provider",
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "password",
    "tokenFile",
    "username",
    "as",
    "as-groups",
    "as-uid",
    "as-user-extra",
)
Fault = tuple[str, str]


@dataclass(frozen=True, slots=True)
class EksToken:
    """What `aws eks get-token` is asked: a token for a cluster, as a role where one is named."""

    cluster: str
    region: str
    role: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a kubeconfig's context says: a server, and a token or the question for one."""

    server: str
    authority: str
    namespace: str
    token: str = ""
    eks: EksToken | None = None


def wanted(configuration: Mapping[str, Any], environment: Mapping[str, str], folder: Path) -> Wanted:
    """What a provider's configuration asks for. Raises `ConfigurationRefused` with everything that can't be.

    `folder`: where relative paths begin.
    """
    given = configuration.get("kubeconfig") or environment.get("KUBECONFIG") or ""
    if not given:
        raise ConfigurationRefused([("kubeconfig", f"is not set, and the sandbox reads none of yours; {START}")])
    document = _document(given, folder)
    context, cluster = _selected(document, configuration)
    user = _named(document, "users", "user", str(context.get("user") or ""))
    found: list[Fault] = []
    if cluster.get("proxy-url"):
        found.append(("kubeconfig", f"goes through a proxy ({cluster['proxy-url']}); the sandbox uses none: remove it"))
    found += [
        (
            "kubeconfig",
            f"user {context.get('user')}: {key} isn't understood by the sandbox; use a token, or `aws eks get-token`",
        )
        for key in _FOREIGN_USER
        if user.get(key)
    ]
    eks = None
    if user.get("exec"):
        eks, faults = _eks(user["exec"], environment)
        found += faults
    elif not user.get("token") and not found:
        found.append(("kubeconfig", f"user {context.get('user')} has no credentials; {START}"))
    if found:
        raise ConfigurationRefused(found)
    return Wanted(
        server=str(cluster.get("server") or "").rstrip("/"),
        authority=str(cluster.get("certificate-authority-data") or ""),
        namespace=str(context.get("namespace") or ""),
        token=str(user.get("token") or ""),
        eks=eks,
    )


def sandbox_server(kubeconfig: Path) -> Server | None:
    """The sandbox's own API server, as its administrator; None where none runs."""
    try:
        document = _parsed(kubeconfig.read_text())
    except FileNotFoundError:
        return None
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    return Server(cluster["server"].rstrip("/"), authority, user["token"])


def server_of(configuration: Mapping[str, Any], folder: Path) -> str:
    """The server that a configuration leads to; empty where it can't be told."""
    try:
        _, cluster = _selected(_document(decoded(configuration).get("kubeconfig") or "", folder), configuration)
        return str(cluster.get("server") or "")
    except ConfigurationRefused:
        return ""


def _selected(document: Mapping[str, Any], configuration: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The context that a configuration means, and its cluster."""
    name = str(configuration.get("context") or document.get("current-context") or "")
    context = _named(document, "contexts", "context", name)
    cluster = str(configuration.get("cluster") or context.get("cluster") or "")
    return context, _named(document, "clusters", "cluster", cluster)


def _document(said: Any, folder: Path) -> dict[str, Any]:
    """A kubeconfig that is given as such, as a text, or as the path of a file."""
    if isinstance(said, Mapping):
        return dict(said)
    given = str(said)
    if "\n" in given.strip() or given.lstrip().startswith("{"):
        return _parsed(given)
    if ":" in given and not (folder / given).exists():
        raise ConfigurationRefused([("kubeconfig", f"names several files ({given}); name one")])
    path = (folder / Path(given).expanduser()).resolve()
    try:
        return _parsed(path.read_text())
    except OSError as error:
        raise ConfigurationRefused([("kubeconfig", f"{given}: {error.strerror or error}; {START}")]) from None
    except UnicodeDecodeError:
        raise ConfigurationRefused([("kubeconfig", f"{given} is no text")]) from None


def _parsed(text: str) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise ConfigurationRefused([("kubeconfig", f"is no YAML: {error}")]) from None
    if not isinstance(document, dict):
        raise ConfigurationRefused([("kubeconfig", f"holds no clusters, users and contexts; {START}")])
    return document


def _named(document: Mapping[str, Any], section: str, key: str, name: str) -> dict[str, Any]:
    entries = [entry for entry in document.get(section) or () if isinstance(entry, Mapping)]
    for entry in entries:
        if entry.get("name") == name:
            return dict(entry.get(key) or {})
    known = ", ".join(str(entry.get("name")) for entry in entries) or "none"
    raise ConfigurationRefused([("kubeconfig", f"has no {key} {name!r}; it has: {known}")])


def _eks(program: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[EksToken | None, list[Fault]]:
    command = str(program.get("command") or "")
    arguments = [str(argument) for argument in program.get("args") or ()]
    options, words = _options(arguments)
    if PurePosixPath(command).name != "aws" or words != ["eks", "get-token"]:
        said = " ".join([command, *arguments])
        return None, [("kubeconfig", f"runs `{said}`; the sandbox runs nothing, and understands `aws eks get-token`")]
    found = [
        ("kubeconfig", f"{option} of `aws eks get-token` isn't understood; there are: {', '.join(_OPTIONS)}")
        for option in options
        if option not in _OPTIONS
    ]
    variables = {str(item.get("name")): str(item.get("value")) for item in program.get("env") or ()}
    found += [
        ("kubeconfig", f"sets {name} for `aws`; the sandbox takes no credentials but its own: remove it")
        for name in variables
        if name not in _REGIONS
    ]
    region = options.get("--region") or next(
        (said for name in _REGIONS[:2] for said in (variables.get(name), environment.get(name)) if said), ""
    )
    for option, value in (("--cluster-name", options.get("--cluster-name")), ("--region", region)):
        if not value:
            found.append(("kubeconfig", f"`aws eks get-token` has no {option}; add it"))
    return EksToken(options.get("--cluster-name", ""), region, options.get("--role-arn", "")), found


def _options(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Options with their values, and the other words."""
    options: dict[str, str] = {}
    words: list[str] = []
    waiting = ""
    for argument in arguments:
        if waiting:
            options[waiting], waiting = argument, ""
        elif argument.startswith("--") and "=" in argument:
            option, _, options[option] = argument.partition("=")
        elif argument.startswith("--"):
            options[argument], waiting = "", argument
        else:
            words.append(argument)
    return options, words
