"""The stand-in provider: check, diff, create, read, update and delete by server-side apply, on plain dicts.

Nothing is awaited but what the API server itself does: there are no kubelets, so nothing becomes ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from modelyard_sandbox.kubernetes.provider import objects
from modelyard_sandbox.kubernetes.provider.changes import Mutable, Tried, differences
from modelyard_sandbox.kubernetes.provider.cluster import Cluster, ClusterError, Kind, Object
from modelyard_sandbox.kubernetes.provider.invokes import invoke
from modelyard_sandbox.kubernetes.provider.releases import RELEASE, Releases
from modelyard_sandbox.plugins.answers import Difference, Found, ProviderError, Refusal
from modelyard_sandbox.plugins.messages import Messages
from modelyard_sandbox.plugins.values import Properties, has_unknown, keep_secret, plain

PATIENCE: Final = 600.0
"""Seconds that a deletion may take, unless the resource says otherwise (`customTimeouts`)."""
_DEFINITIONS: Final = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
_SERVED: Final = 30.0
_UNDECIDED: Final = (401, 403, 404)
"""What a preview may be answered although the update will pass: it may bring the right or the namespace itself."""
_NEUTRAL: Final = "kube-public"
"""A namespace that is always there, in which a preview has objects judged whose own isn't."""
_TAKE_OVER: Final = (
    f'leave the field to it (ignore_changes), or take it over: annotate the object with {objects.PATCH_FORCE}: "true"'
)


@dataclass(frozen=True, slots=True)
class Settings:
    """A provider's configuration. `namespace`: of objects that name none. `upsert`: adopt what exists already."""

    namespace: str = objects.DEFAULT_NAMESPACE
    mutable: Mutable = field(default_factory=Mutable)
    force: bool = False
    upsert: bool = False


class KubernetesProvider:
    """The operations of one configured provider; values may carry secrets, which stay secret.

    `judge`: the same cluster, asked as its administrator whether an object is a valid one.
    """

    def __init__(self, cluster: Cluster, judge: Cluster, settings: Settings, messages: Messages) -> None:
        self._cluster = cluster
        self._judge = judge
        self._settings = settings
        self._messages = messages
        self._releases = Releases(cluster, settings.namespace, messages)

    def check(
        self, token: str, urn: str, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, list[Refusal]]:
        """Completed inputs and what is wrong with them."""
        if token == RELEASE:
            return self._releases.check(urn, olds, news, seed)
        version, named = objects.named(token)
        inputs = objects.completed(urn, plain(olds), plain(news), token, seed)
        kind = str(inputs["kind"])
        if kind != named or kind.endswith("List"):
            return news, [Refusal("", f"the sandbox makes whole objects, one by one; {version} {named} is none")]
        found = self._asked(f"checking {token} {_name(urn)}", lambda: self._kind_if_let(inputs, urn))
        metadata = objects.metadata(inputs)
        if found is not None and found.namespaced and metadata and metadata.get("namespace") is None:
            inputs["metadata"] = {**metadata, "namespace": self._settings.namespace}
        return objects.marked_secret(keep_secret(inputs, news), news), []

    def diff(
        self, token: str, old_inputs: Properties, state: Properties, news: Properties, ignored: Iterable[str] = ()
    ) -> Difference:
        """What an update to `news` changes, and what of it needs a new object."""
        if token == RELEASE:
            return self._releases.diff(old_inputs, state, news)
        before, new = plain(state), plain(news)
        kind = self._asked(f"comparing {token}", lambda: self._kind_if_let(new))
        old = self._wanted(plain(old_inputs) or objects.described(before), kind)
        wanted = self._wanted(new, kind)
        manager = objects.manager(new, before, "")
        attempt = partial(self._tried, kind, wanted, manager)
        return differences(old, wanted, before, attempt, ignored, self._settings.mutable)

    def create(self, token: str, urn: str, news: Properties, *, preview: bool) -> tuple[str, Properties]:
        """The new object's id and state; a preview lets the server judge it and leaves what it decides unknown."""
        if token == RELEASE:
            return self._releases.create(urn, news, preview=preview)
        inputs = plain(news)
        what = f"creating {token} {_name(urn)}"
        manager = objects.manager(inputs, {}, urn)
        if preview or has_unknown(inputs):
            kind = self._asked(what, lambda: self._kind_if_let(inputs, urn))
            return "", self._foreseen(what, kind, news, manager)
        kind = self._asked(what, lambda: self._kind_or_none(inputs))
        wanted = self._wanted(inputs, kind)
        live = self._asked(what, lambda: self._made(self._existing_kind(kind, inputs), wanted, manager))
        return objects.identifier(live), objects.state(live, news, manager)

    def read(self, token: str, id: str, urn: str, inputs: Properties, state: Properties) -> Found | None:
        """The object as the server has it; None when it is gone. Without inputs (import) they are made from it."""
        if token == RELEASE:
            return self._releases.read(id, urn, inputs, state)
        known, given = plain(state), plain(inputs)
        version, named = objects.named(token)
        what = f"reading {token} {_name(urn)}"
        kind = self._asked(what, lambda: self._cluster.kind(str(known.get("apiVersion") or version), named))
        if kind is None:
            return None
        namespace, name = objects.place(id, kind, self._settings.namespace)
        live = self._asked(what, lambda: self._cluster.get(kind, namespace, name))
        if live is None:
            return None
        manager = objects.manager(given, known, urn)
        if not known:
            wanted = objects.described(live)
            return Found(objects.identifier(live), objects.state(live, wanted, manager), wanted)
        texts = given.get("stringData")
        now = objects.drifted(self._wanted(given, kind) if texts else given, known, live)
        if texts and now == self._wanted(given, kind):
            now = given
        kept = {key: value for key, value in now.items() if value is not None}
        return Found(
            objects.identifier(live),
            objects.state(live, keep_secret(kept, inputs), manager),
            objects.marked_secret(keep_secret(kept, inputs), inputs),
        )

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
        """The state after bringing the object to `news`."""
        if token == RELEASE:
            return self._releases.update(urn, state, news, preview=preview)
        inputs, before = plain(news), plain(state)
        what = f"updating {token} {_name(urn)}"
        manager = objects.manager(inputs, before, urn)
        ask = partial(self._kind_if_let, inputs, urn) if preview else partial(self._kind_or_none, inputs)
        kind = self._asked(what, ask)
        if has_unknown(inputs) or (preview and kind is None):
            metadata = {**objects.metadata(before), **objects.metadata(inputs)}
            return objects.marked_secret(keep_secret({**before, **inputs, "metadata": metadata}, news), news)
        wanted = self._wanted(inputs, kind)

        def bring() -> Object:
            known = self._existing_kind(kind, inputs)
            self._leave_alone(known, wanted, ignored)
            return self._cluster.apply(known, wanted, manager, dry_run=preview, force=self._force(inputs))

        try:
            live = self._asked(what, bring)
        except ProviderError as error:
            if preview and isinstance(error.__cause__, ClusterError) and error.__cause__.code in _UNDECIDED:
                return objects.marked_secret(keep_secret({**before, **inputs}, news), news)
            raise
        return objects.state(live, news, manager)

    def delete(self, token: str, id: str, urn: str, state: Properties, patience: float = PATIENCE) -> None:
        """Delete the object and wait until it is gone; one that is gone already is no failure."""
        if token == RELEASE:
            return self._releases.delete(id, urn, plain(state), patience)
        known = plain(state)
        version, named = objects.named(token)
        what = f"deleting {token} {_name(urn)}"
        kind = self._asked(what, lambda: self._cluster.kind(str(known.get("apiVersion") or version), named))
        if kind is not None:
            namespace, name = objects.place(id, kind, self._settings.namespace)
            how = (objects.annotation(known, objects.PROPAGATION) or "Foreground").capitalize()
            self._asked(what, lambda: self._cluster.delete(kind, namespace, name, how, patience))
        return None

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """The result of a function of the package."""
        return invoke(token, plain(arguments))

    def _foreseen(self, what: str, kind: Kind | None, news: Properties, manager: str) -> Properties:
        """What a preview shows of a new object. Raises `ProviderError` for one that the server would refuse."""
        inputs = plain(news)
        wanted = self._wanted(inputs, kind)
        live = wanted
        if kind is not None and not has_unknown(inputs):
            live = self._asked(what, lambda: self._previewed(kind, wanted, manager))
        metadata = objects.metadata(live)
        return objects.foreseen({**live, "metadata": metadata}, news, manager) if metadata else news

    def _previewed(self, kind: Kind, wanted: Object, manager: str) -> Object:
        named = wanted["metadata"].get("name")
        try:
            if not named:
                return self._cluster.create(kind, wanted, manager, dry_run=True)
            if self._existing(kind, wanted) is not None:
                return wanted
            return self._cluster.apply(kind, wanted, manager, dry_run=True)
        except ClusterError as error:
            if error.code not in _UNDECIDED:
                raise
        self._judged(kind, wanted, manager)
        return wanted

    def _judged(self, kind: Kind, wanted: Object, manager: str) -> None:
        """Have an object judged by its schema alone, in a namespace that nobody's objects lie in."""
        metadata = {**wanted["metadata"], **({"namespace": _NEUTRAL} if kind.namespaced else {})}
        try:
            self._judge.apply(kind, {**wanted, "metadata": metadata}, manager, dry_run=True, force=True)
        except ClusterError as error:
            if error.code in (400, 422):
                raise

    def _made(self, kind: Kind, wanted: Object, manager: str) -> Object:
        if not wanted["metadata"].get("name"):
            return self._cluster.create(kind, wanted, manager)
        if not self._settings.upsert and self._existing(kind, wanted) is not None:
            raise ClusterError(
                409,
                "AlreadyExists",
                f"{objects.identifier(wanted)} exists already; import it, or let the provider adopt what exists "
                "(upsertExistingObjects)",
            )
        live = self._cluster.apply(kind, wanted, manager, force=self._force(wanted))
        if (kind.api_version, kind.name) == _DEFINITIONS:
            spec = live["spec"]
            served = next(version["name"] for version in spec["versions"] if version["served"])
            self._cluster.await_kind(f"{spec['group']}/{served}", spec["names"]["kind"], _SERVED)
        return live

    def _existing(self, kind: Kind, wanted: Object) -> Object | None:
        metadata = wanted["metadata"]
        return self._cluster.get(kind, metadata.get("namespace", ""), metadata["name"])

    def _tried(self, kind: Kind | None, wanted: Object, manager: str) -> Tried:
        """A change as the server would take it; nothing where it can't say now, since the update itself will tell.

        Forced, as it only shows what would differ: whose field it is matters to the update.
        """
        if kind is None:
            return Tried()
        try:
            return Tried(self._cluster.apply(kind, wanted, manager, dry_run=True, force=True))
        except ClusterError as error:
            return Tried(causes=error.causes)

    def _leave_alone(self, kind: Kind, wanted: Object, ignored: Iterable[str]) -> None:
        """Keep what isn't to be changed as it is now, whoever wrote it."""
        paths = list(ignored)
        live = self._existing(kind, wanted) if paths else None
        for path in paths:
            value = objects.at(live, path)
            if value is not None:
                objects.put(wanted, path, value)

    def _wanted(self, inputs: Properties, kind: Kind | None) -> Object:
        return objects.wanted(inputs, kind, self._settings.namespace)

    def _force(self, inputs: Properties) -> bool:
        said = objects.annotation(inputs, objects.PATCH_FORCE)
        return said == "true" if said else self._settings.force

    def _kind_or_none(self, inputs: Properties) -> Kind | None:
        return self._cluster.kind(str(inputs["apiVersion"]), str(inputs["kind"]))

    def _kind_if_let(self, inputs: Properties, urn: str = "") -> Kind | None:
        """The kind; None, and a warning, where the caller isn't let in, as an access entry may come with the update."""
        try:
            return self._kind_or_none(inputs)
        except ClusterError as error:
            if error.code != 401:
                raise
            self._messages.warn(f"{error}; so nobody could ask the API server", urn)
            return None

    @staticmethod
    def _existing_kind(kind: Kind | None, inputs: Properties) -> Kind:
        if kind is None:
            raise ClusterError(
                404,
                "NotFound",
                f"the API server knows no {inputs['kind']} of {inputs['apiVersion']}; let it depend on what installs "
                "its CustomResourceDefinition",
            )
        return kind

    @staticmethod
    def _asked(what: str, question: Callable[[], Any]) -> Any:
        """An answer of the cluster's. Raises `ProviderError` for a refusal, which says what to do about it."""
        try:
            return question()
        except ClusterError as error:
            remedy = f" ({_TAKE_OVER})" if error.code == 409 and error.reason == "Conflict" else ""
            raise ProviderError(f"{what}: {error}{remedy}") from error


def _name(urn: str) -> str:
    return repr(urn.rpartition("::")[2])
