"""The stand-in provider: check, diff, create, read, update and delete by the table, on plain dicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from modelyard.core.wire import UNKNOWN
from modelyard_sandbox.aws import check, invokes, refusals
from modelyard_sandbox.aws.declare import Type
from modelyard_sandbox.aws.diff import differences
from modelyard_sandbox.aws.live import Live, Session
from modelyard_sandbox.aws.refusals import RefusedByService
from modelyard_sandbox.aws.tables import types
from modelyard_sandbox.plugins.answers import Difference, Found, HalfCreated, ProviderError, Refusal
from modelyard_sandbox.plugins.values import Properties, has_unknown, keep_secret, plain, same


def described(error: Exception) -> str:
    """An error of AWS or of the table as one line: operation, code, message, request id."""
    if isinstance(error, ClientError):
        inner = error.response.get("Error", {})
        request = error.response.get("ResponseMetadata", {}).get("RequestId") or "none"
        code, message = inner.get("Code", "Unknown"), inner.get("Message", "")
        return f"{error.operation_name}: {code}: {message} (request id: {request})"
    if isinstance(error, RefusedByService):
        return f"{error.operation}: {error.code}: {error} (request id: sandbox)"
    return f"{type(error).__name__}: {error}"


class Provider:
    """The operations of one configured provider; values may carry secrets, which stay secret."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def declared(self, token: str) -> Type:
        """The declaration of a type token."""
        try:
            return types()[token]
        except KeyError:
            raise ProviderError(f"{token}: the sandbox does not know this resource type") from None

    def check(
        self, token: str, urn: str, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, list[Refusal]]:
        """Completed inputs and what is wrong with them."""
        if token not in types():
            reason = (
                f"the sandbox does not know the resource type {token}; "
                "declare it under modelyard_sandbox/aws/tables (the declare module shows how)"
            )
            return news, [Refusal("", reason)]
        tags = self.session.default_tags
        inputs = check.complete(types()[token], urn, plain(olds), plain(news), seed, tags)
        return keep_secret(inputs, news), check.refusals(token, inputs)

    def diff(
        self, token: str, old_inputs: Properties, state: Properties, news: Properties, ignored: Iterable[str] = ()
    ) -> Difference:
        """What an update to `news` changes."""
        declared = self.declared(token)
        return differences(declared, plain(old_inputs) or self._wanted(declared, plain(state)), plain(news), ignored)

    def create(self, token: str, urn: str, news: Properties, *, preview: bool) -> tuple[str, Properties]:
        """The new resource's id and state; a preview touches nothing and leaves computed outputs unknown."""
        declared = self.declared(token)
        live = Live(declared, self.session, inputs=self._defaulted(declared, plain(news)), urn=urn)
        if preview or has_unknown(live.inputs):
            unknown = {prop: UNKNOWN for prop in declared.computed if live.inputs.get(prop) is None}
            return "", keep_secret(self._state(live, unknown), news)
        created = False
        try:
            refusals.judge("create", live)
            live.create()
            created = True
            live.finish()
            found = live.read()
            if found is None:
                raise ProviderError("it was created, and could not be read back")
        except (ClientError, BotoCoreError, RefusedByService, ProviderError) as error:
            reason = f"creating {token} {_name(urn)}: {described(error)}"
            if created:
                state = keep_secret(self._state(live, {}), news)
                raise HalfCreated(reason, live.id, state, news) from error
            raise ProviderError(reason) from error
        return live.id, keep_secret(self._state(live, found), news)

    def read(self, token: str, id: str, urn: str, inputs: Properties, state: Properties) -> Found | None:
        """The resource as AWS has it; None when it is gone. Without inputs (import) they are made from what is read."""
        declared = self.declared(token)
        known = plain(state)
        importing = not known
        if importing and not declared.imports:
            raise ProviderError(f"reading {token} {_name(urn)}: the provider can't import this type")
        if importing:
            known = self._from_id(declared, id)
        live = Live(declared, self.session, id=id, state=dict(known), urn=urn)
        try:
            found = live.read()
        except (ClientError, BotoCoreError, RefusedByService) as error:
            raise ProviderError(f"reading {token} {_name(urn)}: {described(error)}") from error
        if found is None:
            return None
        live.inputs = {}
        base = {} if importing else known
        now = self._state(live, {**base, **self._kept_form(declared, found, base)})
        if importing:
            now = {**self._from_id(declared, id), **self._defaulted(declared, now)}
            wanted = self._wanted(declared, now)
        else:
            wanted = self._drifted(declared, plain(inputs), known, now)
        return Found(live.id, keep_secret(now, state), keep_secret(wanted, inputs))

    def update(
        self,
        token: str,
        id: str,
        urn: str,
        old_inputs: Properties,
        state: Properties,
        news: Properties,
        ignored: Iterable[str] = (),
        *,
        preview: bool,
    ) -> Properties:
        """The state after bringing the resource to `news`."""
        declared = self.declared(token)
        difference = self.diff(token, old_inputs, state, news, ignored)
        known = plain(state)
        live = Live(
            declared,
            self.session,
            id=id,
            inputs=self._defaulted(declared, plain(news)),
            old=plain(old_inputs),
            state=dict(known),
            changed=difference.changed,
            urn=urn,
        )
        kept = {prop: value for prop, value in known.items() if prop in declared.computed or prop == "region"}
        if preview or has_unknown(live.inputs):
            volatile = dict.fromkeys(declared.volatile, UNKNOWN)
            return keep_secret(self._state(live, {**kept, **volatile}), news)
        try:
            refusals.judge("update", live)
            live.update()
            found = live.read()
        except (ClientError, BotoCoreError, RefusedByService) as error:
            raise ProviderError(f"updating {token} {_name(urn)}: {described(error)}") from error
        return keep_secret(self._state(live, {**kept, **(found or {})}), news)

    def delete(self, token: str, id: str, urn: str, state: Properties) -> None:
        """Delete the resource; one that is gone already is no failure."""
        declared = self.declared(token)
        live = Live(declared, self.session, id=id, state=plain(state), urn=urn)
        try:
            refusals.judge("delete", live)
            live.delete()
        except (ClientError, BotoCoreError, RefusedByService) as error:
            raise ProviderError(f"deleting {token} {_name(urn)}: {described(error)}") from error

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """The result of a data source."""
        try:
            return invokes.invoke(token, self.session, plain(arguments))
        except (ClientError, BotoCoreError, invokes.InvokeError) as error:
            raise ProviderError(f"invoking {token}: {described(error)}") from error

    def _defaulted(self, declared: Type, inputs: Properties) -> Properties:
        filled = dict(inputs)
        live = Live(declared, self.session, inputs=inputs)
        for prop, default in declared.defaults.items():
            if filled.get(prop) is None:
                filled[prop] = default(live) if callable(default) else default
        return filled

    def _state(self, live: Live, found: Mapping[str, Any]) -> Properties:
        """Wanted properties, overlaid with what AWS says; equal values keep the form that was wanted."""
        unsaid = (check.DEFAULTED, *live.type.write_only)
        wanted = {prop: value for prop, value in live.inputs.items() if prop not in unsaid}
        state = {**wanted, **self._kept_form(live.type, found, wanted)}
        if live.type.tags:
            state["tagsAll"] = state.get("tagsAll") if "tagsAll" in found else dict(state.get("tags") or {})
            if not state.get("tags") and "tags" not in wanted:
                state.pop("tags", None)
        if live.type.service not in ("iam", "budgets"):
            state.setdefault("region", live.region)
        return state

    @staticmethod
    def _kept_form(declared: Type, found: Mapping[str, Any], known: Mapping[str, Any]) -> Properties:
        return {
            prop: known[prop]
            if prop in known and same(known[prop], value, as_json=prop in declared.json, as_set=prop in declared.sets)
            else value
            for prop, value in found.items()
        }

    @staticmethod
    def _wanted(declared: Type, state: Properties) -> Properties:
        """The inputs that would make a state: what is not computed, empty, or the default."""
        left_out = {*declared.computed, "tagsAll", "region", "id"}
        return {
            prop: value
            for prop, value in state.items()
            if prop not in left_out and value not in (None, [], {}) and value != declared.defaults.get(prop)
        }

    @staticmethod
    def _drifted(declared: Type, inputs: Properties, known: Properties, now: Properties) -> Properties:
        """Inputs that describe what is there now, so that the next diff shows what drifted."""
        result = {prop: value for prop, value in inputs.items() if prop not in declared.write_only}
        for prop, value in now.items():
            if prop in declared.computed or prop in ("tagsAll", "region") or prop in declared.hidden:
                continue
            if not same(value, known.get(prop), as_json=prop in declared.json, as_set=prop in declared.sets):
                result[prop] = value
        for prop in set(known) - set(now):
            result.pop(prop, None)
        return result

    @staticmethod
    def _from_id(declared: Type, id: str) -> Properties:
        if declared.from_id:
            return dict(declared.from_id(id))
        return {declared.id: id} if isinstance(declared.id, str) else {}


def _name(urn: str) -> str:
    return repr(urn.rpartition("::")[2])
