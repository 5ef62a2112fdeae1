"""What a Pulumi SDK's own classes know about a resource type or an invoke: names, shapes, what is required.

Works for any installed provider package: the token's first part names it (`aws:…` → `pulumi_aws`). Only the SDK
module that holds the asked type is imported, and what was read is remembered. Keys are wire names (camelCase).
"""

from __future__ import annotations

import collections.abc
import importlib
import inspect
import keyword
import re
import threading
import types
import typing
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

from modelyard.core.errors import Fault, InputError

ScalarKind = Literal["string", "boolean", "integer", "number", "any", "asset"]

# The order matters: Python's bool is an int. The SDK's enumerations are subclasses of what goes over the wire.
_SCALARS: Mapping[type, ScalarKind] = {bool: "boolean", str: "string", int: "integer", float: "number"}
_PROVIDER_PREFIX = "pulumi:providers:"
_LOADING = threading.RLock()


class UnknownTypeError(InputError, LookupError):
    """No installed SDK has a resource type, or an invoke, of this token."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: text, truth, a whole or any number, anything (JSON included), or a file (asset or archive)."""

    kind: ScalarKind


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose elements share a shape."""

    item: Shape


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map from text to values that share a shape."""

    value: Shape


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """A nested object, described by a class of the SDK; its fields are read when first asked for."""

    python_class: type

    @property
    def fields(self) -> Mapping[str, Property]:
        """The object's properties by wire name."""
        return _class_properties(self.python_class)


@dataclass(frozen=True, slots=True)
class OneOf:
    """A value of one of several shapes."""

    options: tuple[Shape, ...]


Shape = Scalar | ListOf | MapOf | ObjectOf | OneOf


@dataclass(frozen=True, slots=True)
class Property:
    """One property: wire name, Python name, whether it must be given (an output: is always there), and its shape."""

    name: str
    python_name: str
    required: bool
    shape: Shape


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A resource type: its class in the SDK, what it takes and what it gives, by wire name."""

    token: str
    python_class: type
    inputs: Mapping[str, Property]
    outputs: Mapping[str, Property]

    @property
    def computed(self) -> Mapping[str, Property]:
        """The outputs that cannot be given as inputs: the provider alone decides them."""
        return {name: output for name, output in self.outputs.items() if name not in self.inputs}


@dataclass(frozen=True, slots=True)
class InvokeType:
    """A function of a provider: what it takes and what it gives, by wire name."""

    token: str
    python_function: Callable[..., Any]
    inputs: Mapping[str, Property]
    outputs: Mapping[str, Property]


@cache
def resource_type(token: str) -> ResourceType:
    """The resource type of `token` (`aws:s3/bucket:Bucket`, `pulumi:providers:aws`).

    Raises UnknownTypeError when no installed SDK has it.
    """
    python_class = _resource_class(token)
    args_class = _args_class(python_class)
    return ResourceType(
        token=token,
        python_class=python_class,
        inputs=_class_properties(args_class) if args_class else {},
        outputs=_class_properties(python_class),
    )


@cache
def invoke_type(token: str) -> InvokeType:
    """The invoke of `token` (`aws:index/getRegion:getRegion`).

    Its inputs are never marked as required: the SDK's functions default all of them to None.
    Raises UnknownTypeError when no installed SDK has it.
    """
    function = _invoke_function(token)
    hints = _hints(function)
    result = cast(type, hints["return"])
    outputs = _class_properties(result)
    wire_names = {output.python_name: name for name, output in outputs.items()}
    inputs: dict[str, Property] = {}
    for name in inspect.signature(function).parameters:
        if name != "opts":
            wire_name = wire_names.get(name) or _camel_case(name)
            inputs[wire_name] = Property(wire_name, name, False, _shape(hints[name]))
    return InvokeType(token=token, python_function=function, inputs=inputs, outputs=outputs)


def _resource_class(token: str) -> type:
    from pulumi.runtime import rpc

    if token.startswith(_PROVIDER_PREFIX):
        return cast(type, _package(token.removeprefix(_PROVIDER_PREFIX), token).Provider)
    package_name, module_name, _ = _parts(token)
    _package(package_name, token)
    module: Any = rpc.get_resource_module(package_name, module_name, "")
    classes: Mapping[str, str] = module.mod_info["classes"] if module else {}
    if token not in classes:
        raise _unknown(token, f"the installed {package_name} SDK has no such resource type")
    return cast(type, _members_of(module.mod_info["fqn"])[classes[token]])


def _members_of(module_name: str) -> Mapping[str, Any]:
    """The names of an SDK module, loaded now: the SDK itself registers its modules lazily.

    While it is imported, the SDK warns of old types that nobody here asked for; those warnings are left out. One thread
    at a time: a lazy module that another thread is loading shows itself half full (python/cpython#114763), and filters
    of warnings belong to all threads.
    """
    with _LOADING, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = importlib.import_module(module_name)
        getattr(module, "_utilities", None)  # any attribute but `__dict__` makes a lazy module load
        return vars(module)


def _args_class(resource_class: type) -> type | None:
    """The class that types the resource's arguments; `…InitArgs` where a nested type already took `…Args`."""
    module = importlib.import_module(resource_class.__module__)
    for suffix in ("InitArgs", "Args"):
        found: Any = getattr(module, resource_class.__name__ + suffix, None)
        if isinstance(found, type) and found.__module__ == module.__name__:
            return found
    return None


def _invoke_function(token: str) -> Callable[..., Any]:
    package_name, module_name, name = _parts(token)
    module: str = _package(package_name, token).__name__
    folder = module_name.partition("/")[0]
    if folder not in ("", "index"):
        module += "." + _python_module(folder)
    try:
        members = _members_of(module)
    except ModuleNotFoundError:
        raise _unknown(token, f"the installed {package_name} SDK has no module {folder!r}") from None
    functions = {_flat(key): member for key, member in members.items() if isinstance(member, types.FunctionType)}
    function = functions.get(_flat(name))
    if function is None or token not in function.__code__.co_consts:
        raise _unknown(token, f"the installed {package_name} SDK has no such function")
    return function


def _package(name: str, token: str) -> Any:
    module_name = "pulumi_" + name.replace("-", "_")
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise UnknownTypeError(
            Fault(f"the provider package {name!r} is not installed", f"Install pulumi-{name}.", value=token)
        ) from None


def _parts(token: str) -> tuple[str, str, str]:
    parts = token.split(":")
    if len(parts) != 3 or not all(parts):
        raise UnknownTypeError(
            Fault("this is no type token", "Write package:module:Name, as in aws:s3/bucket:Bucket.", value=token)
        )
    return parts[0], parts[1], parts[2]


def _unknown(token: str, problem: str) -> UnknownTypeError:
    return UnknownTypeError(Fault(problem, "Look it up in the SDK's documentation.", value=token))


@cache
def _class_properties(python_class: type) -> Mapping[str, Property]:
    """The properties of an argument, output or resource class, in the order of the class, by wire name."""
    parameters = inspect.signature(python_class.__init__).parameters
    found: dict[str, Property] = {}
    for python_name, wire_name, getter in _getters(python_class):
        annotation = _hints(getter)["return"]
        parameter = parameters.get(python_name)
        if hasattr(python_class, "_pulumi_input_type") and parameter is not None:
            required = parameter.default is inspect.Parameter.empty
        else:
            required = not _is_optional(annotation)
        found[wire_name] = Property(wire_name, python_name, required, _shape(annotation))
    return types.MappingProxyType(found)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The resolved annotations. `pulumi.Input` itself names `Output[T]`, which the generated modules lack."""
    import pulumi

    return typing.get_type_hints(function, localns={"Output": pulumi.Output, "T": Any})


def _getters(python_class: type) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Python name, wire name and getter of each property that Pulumi's generator wrote."""
    for base in reversed(python_class.__mro__):
        for python_name, member in vars(base).items():
            if isinstance(member, property) and hasattr(member.fget, "_pulumi_name"):
                getter: Any = member.fget
                yield python_name, cast(str, getter._pulumi_name), getter


def _members(annotation: Any) -> list[Any]:
    """The alternatives of an annotation, free of `None` and of the wrappers that an Input or Output adds."""
    import pulumi

    origin = typing.get_origin(annotation)
    if origin is pulumi.Output:
        return _members(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        wrappers = (pulumi.Output, collections.abc.Awaitable)
        members = [
            member
            for option in typing.get_args(annotation)
            if typing.get_origin(option) not in wrappers
            for member in _members(option)
        ]
        return [member for index, member in enumerate(members) if member not in members[:index]]
    return [] if annotation is type(None) else [annotation]


def _is_optional(annotation: Any) -> bool:
    import pulumi

    origin = typing.get_origin(annotation)
    if origin is pulumi.Output:
        return _is_optional(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return any(_is_optional(option) for option in typing.get_args(annotation))
    return annotation is type(None)


def _shape(annotation: Any) -> Shape:
    shapes: list[Shape] = []
    for member in _members(annotation):
        shape = _single_shape(member)
        if shape not in shapes:
            shapes.append(shape)
    if not shapes or Scalar("any") in shapes:
        return Scalar("any")
    return shapes[0] if len(shapes) == 1 else OneOf(tuple(shapes))


def _single_shape(annotation: Any) -> Shape:
    import pulumi

    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (collections.abc.Sequence, list):
        return ListOf(_shape(args[0]))
    if origin in (collections.abc.Mapping, dict):
        return MapOf(_shape(args[1]))
    if not isinstance(annotation, type):
        return Scalar("any")
    python_class = cast(type[Any], annotation)
    if issubclass(python_class, (pulumi.Asset, pulumi.Archive)):
        return Scalar("asset")
    if hasattr(python_class, "_pulumi_input_type") or hasattr(python_class, "_pulumi_output_type"):
        return ObjectOf(python_class)
    for base, kind in _SCALARS.items():
        if issubclass(python_class, base):
            return Scalar(kind)
    return Scalar("any")


def _python_module(folder: str) -> str:
    """The Python name of a token's module: `lambda` is a keyword, and becomes `lambda_`."""
    name = _snake_case(folder).replace("/", ".")
    return name + "_" if keyword.iskeyword(name) else name


def _flat(name: str) -> str:
    return name.replace("_", "").lower()


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
