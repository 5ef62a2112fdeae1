"""Secrets that stand in a file in plain text: found by the key's name, by known forms, and by randomness.

The libraries that look for secrets read lines of text and know neither paths nor what a field means; here every
value has a path and a position, so the rules are few and their exceptions are named.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

from modelyard.core.errors import MISSING, Fault, Source
from modelyard.core.spec import joined

REMEDY: Final = (
    'Take it out, change it where it is used, and declare it under secrets: "kind: generated" or "kind: environment".'
)
_SHOWN: Final = 2
_SHORTEST_REPLACED: Final = 4
"""Shorter texts occur in any sentence."""
_SHORTEST_RANDOM: Final = 20
_SHORTEST_HEX: Final = 32
_LEAST_ENTROPY: Final = 3.6
"""Bits per character. Twenty random letters and digits have about 4; words, paths and names stay below, or show by
how seldom they change between letters and digits, capitals and small letters."""
_LEAST_CHANGES: Final = {3: 0.4, 2: 0.3}
"""The share of neighbours of different classes (capitals, small letters, digits), by how many classes there are."""
_LEAST_HEX_ENTROPY: Final = 3.0

_SECRET_WORDS: Final = frozenset(
    {"apikey", "credential", "credentials", "passphrase", "passwd", "password", "pwd", "secret", "token"}
)
_SECRET_PAIRS: Final = frozenset(
    {("access", "key"), ("api", "key"), ("auth", "key"), ("private", "key"), ("secret", "key"), ("signing", "key")}
)
_NUMBERS_TOO: Final = frozenset({"passphrase", "passwd", "password", "pwd"})
_RANDOM_WORDS: Final = frozenset(
    {"checksum", "commit", "digest", "etag", "fingerprint", "hash", "id", "image", "md5", "revision", "sha", "sha256"}
)
"""Words in a key whose value is random by nature and no secret."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_KNOWN: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")),
    ("a signed web token", re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.")),
    ("a token of GitHub", re.compile(r"\b(?:gh[oprsu]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,})")),
    ("a token of GitLab", re.compile(r"\bglpat-[A-Za-z0-9_-]{20}")),
    ("a token of Slack", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/T\w+/B\w+/\w+")),
    ("a key of Stripe", re.compile(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}")),
    ("a key of OpenAI or Anthropic", re.compile(r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}")),
    ("a key of Google", re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b")),
    ("a token of Hugging Face", re.compile(r"\bhf_[A-Za-z0-9]{30,}\b")),
    ("a token of npm or PyPI", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b|\bpypi-[A-Za-z0-9_-]{50,}")),
    ("a URL with a password", re.compile(r"://[^/\s:@]+:[^/\s@$]+@")),
)
_HARMLESS: Final = re.compile(
    r"""arn:[a-z-]+:.*                                                  # ARNs
    |   (?:[^\s@]+@)?sha(?:1|256|512):[0-9a-f]+                         # digests, and images by digest
    |   [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}    # UUIDs
    |   mrk-[0-9a-f]{32}                                                # keys of many regions
    |   [a-z][a-z-]*-[0-9a-f]{8,17}                                     # vpc-0a1b2c3d4e5f67890 and its like
    |   [^\s@]+@[^\s@]+\.[a-z]+                                         # mail addresses
    |   \$\{?[A-Za-z_].*                                                # a variable's name
    """,
    re.VERBOSE,
)
_RUN: Final = re.compile(rf"[A-Za-z0-9+/_=-]{{{_SHORTEST_RANDOM},}}")
_HEX: Final = re.compile(rf"(?<![A-Za-z0-9])[0-9a-f]{{{_SHORTEST_HEX},}}(?![A-Za-z0-9])", re.IGNORECASE)


def redacted(value: object) -> str:
    """The first two characters of a value, and a sign that there is more."""
    return f"{str(value)[:_SHOWN]}…"


def words(key: str) -> list[str]:
    """The words of a key in lower case, however they are joined: `apiKey`, `API_KEY` and `api-key` are two."""
    return [word.lower() for word in _WORD.findall(key)]


def names_a_secret(key: str) -> bool:
    """Whether a value under `key` is a secret itself, and not its name, place, age or size."""
    last = words(key)[-2:]
    return bool(last) and (last[-1] in _SECRET_WORDS or tuple(last) in _SECRET_PAIRS)


def entropy(text: str) -> float:
    """Shannon's entropy, in bits per character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def looks_random(text: str) -> bool:
    """Whether a run of letters and digits looks drawn, not written."""
    kinds = ["A" if c.isupper() else "a" if c.islower() else "0" for c in text if c.isalnum()]
    if len(kinds) < _SHORTEST_RANDOM or "0" not in kinds:
        return False
    changes = sum(one != other for one, other in zip(kinds, kinds[1:], strict=False)) / len(kinds)
    least = _LEAST_CHANGES.get(len(set(kinds)))
    return least is not None and changes >= least and entropy(text) >= _LEAST_ENTROPY


def why_secret(key: str, value: object, declared: frozenset[str] = frozenset()) -> str | None:
    """Why the value under `key` can't stand in a file, or None where it can.

    `declared`: names of secrets, which are no secrets themselves.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    if not text or text in declared:
        return None
    if isinstance(value, str):
        for what, form in _KNOWN:
            if form.search(text):
                return f"is {what}"
        if _HARMLESS.fullmatch(text):
            return None
    named = words(key)
    if names_a_secret(key) and (isinstance(value, str) or named[-1] in _NUMBERS_TOO):
        return f'is a secret in plain text, as "{key}" says'
    if not isinstance(value, str):
        return None
    if _RANDOM_WORDS & set(named):
        return None
    return "looks like a secret in plain text" if any(map(_holds_random, text.split())) else None


def _holds_random(word: str) -> bool:
    """Whether a word of a text, its punctuation aside, holds a run that looks random, or long hexadecimal digits."""
    word = word.strip("`'\"()[]{},;.")
    if _HARMLESS.fullmatch(word):
        return False
    if any(entropy(found.lower()) >= _LEAST_HEX_ENTROPY for found in _HEX.findall(word)):
        return True
    return any(looks_random(run) for run in _RUN.findall(word) if not _HEX.fullmatch(run))


def faults(data: Mapping[str, Any], source: Callable[[str], Source]) -> Iterator[Fault]:
    """A fault for each secret in plain text in `data`, its value redacted; `source` tells where a path was written."""
    declared = frozenset(_declared(data))
    for path, key, value in _scalars(data, "", ""):
        reason = why_secret(key, value, declared)
        if reason:
            yield Fault(reason, REMEDY, source(path), redacted(value))


def without_secrets(found: list[Fault], plain: list[Fault], data: Mapping[str, Any]) -> list[Fault]:
    """`found` without the values that hold what `plain` faults are about, so that no message repeats a secret."""
    paths = {fault.source.path for fault in plain if fault.source}
    if not paths:
        return found
    texts = [str(value) for path, _, value in _scalars(data, "", "") if path in paths]
    return [_redacted_fault(fault, paths, texts) for fault in found]


def _redacted_fault(fault: Fault, paths: set[str], texts: list[str]) -> Fault:
    value, here = fault.value, fault.source.path if fault.source else ""
    holds = any(path == here or path.startswith((f"{here}.", f"{here}[")) for path in paths)
    if value is not MISSING and (holds or any(text in str(value) for text in texts)):
        value = redacted(value) if isinstance(value, str) else "…"
    problem, remedy = fault.problem, fault.remedy
    for text in texts:
        if len(text) >= _SHORTEST_REPLACED:
            problem, remedy = problem.replace(text, redacted(text)), remedy.replace(text, redacted(text))
    return Fault(problem, remedy, fault.source, value)


def _declared(data: Mapping[str, Any]) -> Iterator[str]:
    """The names of the secrets that the file declares, in any environment."""
    for key, value in data.items():
        if isinstance(value, Mapping):
            inner = cast(Mapping[str, Any], value)
            entries = inner.get("entries")
            if key == "secrets" and isinstance(entries, Mapping):
                yield from cast(Mapping[str, Any], entries)
            yield from _declared(inner)


def _scalars(value: object, path: str, key: str) -> Iterator[tuple[str, str, object]]:
    """Every scalar with its path and the key that it stands under; in a list, the list's own."""
    if isinstance(value, Mapping):
        for name, item in cast(Mapping[str, object], value).items():
            yield from _scalars(item, joined(path, name), name)
    elif isinstance(value, list):
        for index, item in enumerate(cast(list[object], value)):
            yield from _scalars(item, f"{path}[{index}]", key)
    else:
        yield path, key, value
