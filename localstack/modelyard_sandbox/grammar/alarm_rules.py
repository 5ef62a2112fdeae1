"""The rules of composite alarms: their grammar, and the alarms that they name.

    rule    = term, {("AND" | "OR"), term}
    term    = ["NOT"], ("(", rule, ")" | "TRUE" | "FALSE" | state | at least)
    state   = ("ALARM" | "OK" | "INSUFFICIENT_DATA"), "(", alarm, ")"
    at least = "AT_LEAST", "(", number or percentage, ",", [NOT] state's name, ",", "(", alarm, {",", alarm}, ")", ")"

An alarm is a name or an ARN, in quotation marks where it holds a space or a parenthesis.
Source: AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.
"""

from __future__ import annotations

import re
from typing import Final

MOST_ALARMS: Final = 100
MOST_ELEMENTS: Final = 500
"""Alarms, TRUE, FALSE and parentheses that group."""
_STATES: Final = ("ALARM", "OK", "INSUFFICIENT_DATA")
_TOKEN: Final = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([(),])|([^\s(),"]+))')


class RuleError(ValueError):
    """A rule that CloudWatch doesn't understand."""


def alarms(rule: str) -> tuple[str, ...]:
    """The names (of ARNs their last part) of the alarms that a rule speaks of, each once.

    Raises RuleError for a rule that can't be read, or has more alarms or elements than CloudWatch takes.
    """
    reader = _Reader(rule)
    reader.rule()
    reader.end()
    found = tuple(dict.fromkeys(name.rpartition(":alarm:")[2] for name in reader.named))
    if len(found) > MOST_ALARMS:
        raise RuleError(f"names {len(found)} alarms; at most {MOST_ALARMS} are allowed")
    if (elements := len(reader.named) + reader.others) > MOST_ELEMENTS:
        raise RuleError(f"has {elements} elements; at most {MOST_ELEMENTS} are allowed")
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, bool]] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                raise RuleError(f"can't be read from {text[at : at + 20]!r}")
            quoted, mark, word = found.groups()
            self._tokens.append((quoted if quoted is not None else mark or word, quoted is not None))
            at = found.end()
        self._at = 0
        self.named: list[str] = []
        self.others = 0

    def rule(self) -> None:
        self._term()
        while self._peek() in ("AND", "OR"):
            self._next()
            self._term()

    def end(self) -> None:
        if self._peek() is not None:
            raise RuleError(f"has {self._peek()!r} where AND, OR or its end should be")

    def _term(self) -> None:
        if self._peek() == "NOT":
            self._next()
        word = self._next()
        if word == "(":
            self.others += 2
            self.rule()
            self._expect(")")
        elif word in _STATES:
            self._expect("(")
            self._alarm()
            self._expect(")")
        elif word == "AT_LEAST":
            self._at_least()
        elif word.upper() in ("TRUE", "FALSE"):
            self.others += 1
        else:
            raise RuleError(f"has {word!r} where a state, a parenthesis, TRUE or FALSE should be")

    def _at_least(self) -> None:
        self._expect("(")
        count = self._next()
        if not re.fullmatch(r"\d+%?", count.strip('"')):
            raise RuleError(f"counts at least {count!r}, which is neither a number nor a percentage")
        self._expect(",")
        if self._peek() == "NOT":
            self._next()
        if (state := self._next()) not in _STATES:
            raise RuleError(f"counts alarms in {state!r}, which is no state")
        self._expect(",")
        self._expect("(")
        self._alarm()
        while self._peek() == ",":
            self._next()
            self._alarm()
        self._expect(")")
        self._expect(")")

    def _alarm(self) -> None:
        name, quoted = self._tokens[self._at] if self._at < len(self._tokens) else ("", False)
        if not name or (not quoted and name in "(),"):
            raise RuleError("names no alarm in a parenthesis")
        self._at += 1
        self.named.append(name)

    def _peek(self) -> str | None:
        if self._at >= len(self._tokens):
            return None
        word, quoted = self._tokens[self._at]
        return f'"{word}"' if quoted else word

    def _next(self) -> str:
        word = self._peek()
        if word is None:
            raise RuleError("ends too early")
        self._at += 1
        return word

    def _expect(self, mark: str) -> None:
        word = self._next()
        if word != mark:
            raise RuleError(f"has {word!r} where {mark!r} should be")
