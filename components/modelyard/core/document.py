"""Reading a YAML file into a spec: positions kept, overrides of one environment merged, all faults at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, cast, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from yaml import MarkedYAMLError, YAMLError

from modelyard.core import plaintext
from modelyard.core.errors import MISSING, Fault, Source, SpecError
from modelyard.core.source import shown_path
from modelyard.core.spec import SourceMap, Spec, joined
from modelyard.core.yaml import Broken, values

S = TypeVar("S", bound=Spec)
Plain = dict[str, Any] | list[Any] | str | int | float | bool | None

LARGEST_FILE: Final = 1_000_000
"""Bytes. A platform of a hundred teams stays far below; more is a file of another kind."""
OVERRIDES: Final = "environments"


class Document:
    """A YAML mapping and where each of its values was written.

    `whole`: what was read, with every environment's overrides. Absent: the document itself.
    """

    def __init__(
        self, file: str, data: dict[str, Any], sources: dict[str, Source], whole: Document | None = None
    ) -> None:
        self.file = file
        self.data = data
        self.sources = sources
        self.whole = whole or self

    @property
    def environments(self) -> list[str]:
        """The environments that the document declares, in its order."""
        declared = self.data.get(OVERRIDES)
        return list(cast(dict[str, Any], declared)) if isinstance(declared, dict) else []

    def for_environment(self, environment: str) -> Document:
        """The document as `environment` sees it: what stands under `environments.<name>` over everything else.

        Mappings merge, unless they are of another `kind`; everything else replaces, and `null` takes a key away.
        """
        overrides = self.data.get(OVERRIDES)
        data = {key: value for key, value in self.data.items() if key != OVERRIDES}
        sources = dict(self.sources)
        if isinstance(overrides, dict):
            chosen = cast(dict[str, Any], overrides).get(environment)
            if isinstance(chosen, dict):
                data = _merged(data, cast(dict[str, Any], chosen), "", f"{OVERRIDES}.{environment}", sources)
        return Document(self.file, data, sources, self.whole)


def read(path: Path) -> Document:
    """The document in the file at `path`.

    Raises `SpecError` for a file that can't be read, isn't YAML (with line and column), or isn't a mapping.
    """
    file = shown_path(str(path))
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SpecError(
            Fault(f"cannot be read: {error.strerror}", "Check the path and its permissions.", Source(file))
        ) from None
    return parse(raw, file)


@lru_cache(maxsize=256)
def parse(raw: bytes, file: str) -> Document:
    """The document in `raw`, which was read from `file`; nobody changes it."""
    if len(raw) > LARGEST_FILE:
        raise SpecError(Fault(f"is larger than {LARGEST_FILE} bytes", "Split it by team.", Source(file), len(raw)))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SpecError(Fault(f"is not UTF-8 (byte {error.start})", "Save it as UTF-8.", Source(file))) from None
    try:
        data, sources = values(text, file)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Source(file, "", mark.line + 1, mark.column + 1) if mark else Source(file)
        problem = " ".join(str(error.problem or error.context).split())
        raise SpecError(Fault(f"broken YAML: {problem}", "Mend the syntax there.", where)) from None
    except Broken as error:
        where = Source(file, "", error.line, error.column)
        raise SpecError(Fault(f"broken YAML: {error}", "Mend the syntax there.", where)) from None
    except (YAMLError, RecursionError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise SpecError(Fault(f"broken YAML: {first}", "Mend the syntax there.", Source(file))) from None
    if not isinstance(data, dict):
        raise SpecError(
            Fault("must hold a mapping of fields", "Begin it with `field: value` lines.", Source(file, "", 1, 1))
        )
    return Document(file, cast(dict[str, Any], data), sources)


def _merged(
    base: dict[str, Any], over: dict[str, Any], path: str, written: str, sources: dict[str, Source]
) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        here, there = joined(path, key), joined(written, key)
        current = result.get(key)
        if value is None:
            result.pop(key, None)
            continue
        if isinstance(value, dict) and isinstance(current, dict) and not _of_another_kind(value, current):
            result[key] = _merged(cast(dict[str, Any], current), cast(dict[str, Any], value), here, there, sources)
            continue
        result[key] = value
        moved = {known: source for known, source in sources.items() if known.startswith(there)}
        for known, source in moved.items():
            rest = known[len(there) :]
            if not rest or rest[0] in ".[":
                sources[here + rest] = source
    return result


def _of_another_kind(over: Any, base: Any) -> bool:
    """Whether a choice is made anew: fields of one kind, or of one flavour, mean nothing to another."""
    flavour = over.get("flavour")
    return ("kind" in over and over["kind"] != base.get("kind")) or (
        isinstance(flavour, str) and flavour != base.get("flavour")
    )


def load(document: Document, kind: type[S]) -> S:
    """The spec of type `kind` that `document` holds.

    Raises `SpecError` with all faults: secrets in plain text, in every environment's part; those of single fields; and
    those that `Spec.check` finds in every section whose fields are sound.
    """
    sources = SourceMap(document.file, document.sources)
    whole = SourceMap(document.file, document.whole.sources)
    plain = list(plaintext.faults(document.whole.data, whole.__getitem__))
    try:
        spec = kind.model_validate(document.data)
    except ValidationError as error:
        details = _without_consequences(error.errors(include_url=False))
        faults = [_fault(detail, document.data, kind, sources) for detail in details]
        broken = [_where(detail, document.data)[0] for detail in details]
        faults += _faults_of_sound_parts(kind, document.data, "", sources, broken)
        raise SpecError(
            *_in_file_order(plaintext.without_secrets(faults, plain, document.whole.data) + plain)
        ) from None
    spec.locate(sources)
    faults = plaintext.without_secrets(list(spec.all_faults()), plain, document.whole.data) + plain
    if faults:
        raise SpecError(*_in_file_order(faults))
    return spec


def _without_consequences(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without what pydantic says of a list being too short only because its entries are faulty."""
    faulty = {detail["loc"][:length] for detail in details for length in range(len(detail["loc"]))}
    return [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in faulty]


def _in_file_order(faults: list[Fault]) -> list[Fault]:
    distinct = {str(fault): fault for fault in faults}.values()
    return sorted(distinct, key=lambda fault: (fault.source.line, fault.source.column) if fault.source else (0, 0))


def _faults_of_sound_parts(
    annotation: Any, value: Any, path: str, sources: SourceMap, broken: list[str]
) -> Iterator[Fault]:
    """What `Spec.check` finds in the parts of a document whose own fields are sound."""
    specs = _specs_of(annotation.annotation if isinstance(annotation, FieldInfo) else annotation)
    if path and specs and not any(known == path or known.startswith((f"{path}.", f"{path}[")) for known in broken):
        try:
            section: Any = _adapter(annotation).validate_python(value)
        except ValidationError:
            return
        if isinstance(section, Spec):
            section.locate(sources, path)
            yield from section.all_faults()
            return
    if isinstance(value, dict):
        items = cast(dict[str, Any], value)
        annotation = annotation.annotation if isinstance(annotation, FieldInfo) else annotation
        arguments = get_args(annotation)
        for key, item in items.items():
            for spec in [annotation] if annotation in specs else []:
                for name, info in spec.model_fields.items():
                    if key == (info.alias or name):
                        yield from _faults_of_sound_parts(info, item, joined(path, key), sources, broken)
            if get_origin(annotation) is dict and specs:
                yield from _faults_of_sound_parts(arguments[1], item, joined(path, key), sources, broken)


_adapters: dict[int, tuple[Any, TypeAdapter[Any]]] = {}


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    """The validator of a field or of a type; building one costs milliseconds, so each is built once."""
    if id(annotation) not in _adapters:
        is_field = isinstance(annotation, FieldInfo)
        wanted: Any = Annotated[annotation.annotation, annotation] if is_field else annotation
        _adapters[id(annotation)] = (annotation, TypeAdapter(wanted))
    return _adapters[id(annotation)][1]


def _fault(detail: ErrorDetails, data: dict[str, Any], kind: type[Spec], sources: SourceMap) -> Fault:
    path, value = _where(detail, data)
    source = sources[path]
    if not source.line and detail["type"] == "missing":
        source = Source(sources.file, path, 1, 1)
    problem, remedy = _explained(detail, kind, path)
    return Fault(problem, remedy, source, MISSING if detail["type"] == "missing" else value)


def _where(detail: ErrorDetails, data: Any) -> tuple[str, Any]:
    """The path in the file, and the value there; tags of unions, which pydantic puts in between, are left out.

    What decides between several, and is none of them, names itself as `field`.
    """
    path = ""
    current: Any = data
    for position, part in enumerate(detail["loc"]):
        last = position == len(detail["loc"]) - 1
        if isinstance(current, Mapping) and part in current:
            current = cast(Mapping[Any, Any], current)[part]
            path = joined(path, str(part))
        elif isinstance(current, list) and isinstance(part, int) and part < len(cast(list[Any], current)):
            current = cast(list[Any], current)[part]
            path = f"{path}[{part}]"
        elif last and detail["type"] == "missing":
            return joined(path, str(part)), None
    if detail["type"] == "unknown_choice":
        field = str(detail.get("ctx", {})["field"])
        return joined(path, field), cast(Mapping[str, Any], current).get(field)
    return path, cast(Any, current)


_EXPECTED: Final = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping of fields",
    "model_attributes_type": "must be a mapping of fields",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
}


def _explained(detail: ErrorDetails, kind: type[Spec], path: str) -> tuple[str, str]:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return "is required", "Add it."
        case "extra_forbidden":
            unknown = str(detail["loc"][-1])
            close = difflib.get_close_matches(unknown, _fields_at(kind, path), n=1)
            return "unknown field", f'Did you mean "{close[0]}"?' if close else "Remove it."
        case "literal_error" | "enum":
            return "is none of the choices", f"Use {context.get('expected')}."
        case "union_tag_invalid":
            return "is of no known kind", f"Use kind: {context.get('expected_tags')}."
        case "union_tag_not_found":
            return "has no kind", 'Add a field "kind".'
        case "string_pattern_mismatch":
            return "has characters or a form that are not allowed", f"Match {context.get('pattern')}."
        case "string_too_long":
            return f"is longer than {context.get('max_length')} characters", "Shorten it."
        case "string_too_short":
            return f"is shorter than {context.get('min_length')} characters", "Lengthen it."
        case "too_short":
            return f"needs at least {context.get('min_length')} entries", "Add what is missing."
        case "too_long":
            return f"takes at most {context.get('max_length')} entries", "Remove some."
        case "greater_than_equal":
            return f"must be {context.get('ge')} or more", f"Use {context.get('ge')} or more."
        case "greater_than":
            return f"must be more than {context.get('gt')}", f"Use more than {context.get('gt')}."
        case "less_than_equal":
            return f"must be {context.get('le')} or less", f"Use {context.get('le')} or less."
        case "less_than":
            return f"must be less than {context.get('lt')}", f"Use less than {context.get('lt')}."
        case "unknown_choice":
            return "is none of the choices", f"Use {context.get('choices')}."
        case "value_error":
            problem, _, remedy = str(context.get("error", detail["msg"])).partition("; ")
            return problem, remedy[:1].upper() + remedy[1:] if remedy else "Correct it."
        case other if other in _EXPECTED:
            return _EXPECTED[other], f"Change the type of {path or 'the value'}."
        case _:
            return detail["msg"][:1].lower() + detail["msg"][1:], "Correct it."


def _fields_at(kind: type[Spec], path: str) -> list[str]:
    """The names of the fields beside the one at `path`."""
    here = [kind]
    for key in re.split(r"[.\[]", path)[:-1]:
        fields = (info for spec in here for name, info in spec.model_fields.items() if key == (info.alias or name))
        found = [spec for info in fields for spec in _specs_of(info.annotation)]
        here = found or here
    return [info.alias or name for spec in here for name, info in spec.model_fields.items()]


def _specs_of(annotation: Any) -> list[type[Spec]]:
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return [annotation]
    return [found for part in get_args(annotation) for found in _specs_of(part)]
