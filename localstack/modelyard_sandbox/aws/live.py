"""A resource while a step runs: its properties, its id, and the boto3 client of its service and region."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from botocore.exceptions import ClientError

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Answer, Call, Const, Filled, Step, Tags, Type, steps
from modelyard_sandbox.plugins.values import Properties

_GONE: Final = re.compile(r"NotFound|NoSuch|DoesNotExist|^404$|NonExistent")


class Session(Protocol):
    """Where a provider's calls go: clients by service and region, and who the caller is."""

    region: str
    partition: str
    default_tags: dict[str, str]

    @property
    def account(self) -> str:
        """The twelve digits of the caller's account."""
        ...

    def client(self, service: str, region: str) -> Any:
        """A boto3 client."""
        ...


class Live:
    """One resource of a `Type` during one operation of the provider.

    `inputs` are what is wanted (defaults included), `old` the inputs before, `state` the last known properties;
    each is plain: no secrets, no unknowns. `answer` is the first create step's answer.
    """

    error = ClientError

    def __init__(
        self,
        declared: Type,
        session: Session,
        *,
        id: str = "",
        inputs: Properties | None = None,
        old: Properties | None = None,
        state: Properties | None = None,
        changed: frozenset[str] = frozenset(),
        urn: str = "",
    ) -> None:
        self.type = declared
        self.session = session
        self.id = id
        self.inputs = inputs or {}
        self.old = old or {}
        self.state = state or {}
        self.changed = changed
        self.urn = urn
        self.answer: Mapping[str, Any] = {}

    @property
    def region(self) -> str:
        """The resource's own region, or the provider's."""
        return self.inputs.get("region") or self.state.get("region") or self.session.region

    @property
    def partition(self) -> str:
        """`aws`, or the partition of the provider's region."""
        return self.session.partition

    @property
    def account(self) -> str:
        """The twelve digits of the provider's account."""
        return self.session.account

    @property
    def tags(self) -> dict[str, str]:
        """The wanted tags, the provider's default tags included."""
        return dict(self.inputs.get("tags") or {})

    def client(self, service: str = "") -> Any:
        """The boto3 client of the type's service, or of another."""
        return self.session.client(service or self.type.service, self.region)

    def call(self, operation: str, service: str = "", /, **parameters: Any) -> dict[str, Any]:
        """The answer of one boto3 operation; parameters that are None are not sent."""
        sent = {key: value for key, value in parameters.items() if value is not None}
        return getattr(self.client(service), operation)(**sent)

    @staticmethod
    def code(error: ClientError) -> str:
        """AWS's error code."""
        return error.response.get("Error", {}).get("Code", "")

    def is_gone(self, error: ClientError) -> bool:
        """Whether the error says that the resource does not exist."""
        code = self.code(error)
        return code in self.type.gone or bool(_GONE.search(code))

    def get(self, prop: str) -> Any:
        """A property as it is wanted, else as it is known, and `id`."""
        if prop == "id":
            return self.id or None
        wanted = self.inputs.get(prop)
        if wanted is None and prop in self.changed:
            return None
        return self.state.get(prop) if wanted is None else wanted

    def value(self, spec: Any) -> Any:
        """What an entry of a `Call`'s table stands for."""
        if isinstance(spec, str):
            return self.get(spec)
        if isinstance(spec, Const):
            return spec.value
        if callable(spec):
            return spec(self)
        if isinstance(spec, Mapping):
            return {key: self.value(item) for key, item in spec.items()}
        if isinstance(spec, list | tuple):
            return [self.value(item) for item in spec]
        return spec

    def run(self, declared: Call | Step) -> Any:
        """A step's result: a function's, or the part of the answer that the call takes."""
        if isinstance(declared, Step):
            return declared.run(self)
        client = self.client(declared.service)
        model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[declared.operation])
        members = model.input_shape.members if model.input_shape else {}
        sent: dict[str, Any] = {}
        if declared.fill:
            sent = self._filled(members)
        if isinstance(self.type.tags, Tags) and self.type.tags.on_create in members and self.tags and not self.id:
            sent[self.type.tags.on_create] = self.tags_as_sent(self.type.tags, self.tags)
        for member, spec in declared.parameters.items():
            shape = members.get(member)
            sent[member] = self._sent(spec, shape)
        try:
            answer = getattr(client, declared.operation)(**{k: v for k, v in sent.items() if v is not None})
        except ClientError as error:
            if self.code(error) in declared.ignore:
                return {}
            raise
        return self._taken(declared, answer, model.output_shape)

    def _sent(self, spec: Any, shape: Any) -> Any:
        if isinstance(spec, Filled):
            return self._filled(getattr(shape, "members", {}), spec.without)
        if isinstance(spec, Mapping):
            members = getattr(shape, "members", {})
            return {member: self._sent(inner, members.get(member)) for member, inner in spec.items()}
        return convert.to_aws(self.value(spec), shape, self.type.fields, spec if isinstance(spec, str) else "")

    def _filled(self, members: Mapping[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
        result = {}
        for prop, member in self.type.fields.items():
            if "." in prop or member not in members or prop in without:
                continue
            value = self.get(prop)
            if value is not None:
                result[member] = convert.to_aws(value, members[member], self.type.fields, prop)
        return result

    def _taken(self, declared: Call, answer: Any, shape: Any) -> Any:
        for part in filter(None, declared.take.split(".")):
            if part.isdigit():
                answer = answer[int(part)] if len(answer or ()) > int(part) else None
                shape = getattr(shape, "member", None)
            else:
                answer = (answer or {}).get(part)
                shape = getattr(shape, "members", {}).get(part)
        if isinstance(answer, list) and declared.where:
            wanted = {member: self.value(spec) for member, spec in declared.where.items()}
            answer = next((item for item in answer if all(item.get(k) == v for k, v in wanted.items())), None)
            shape = getattr(shape, "member", None)
        return _Shaped(answer, shape) if isinstance(answer, Mapping) else answer

    def create(self) -> None:
        """Run the first create step and take the id from it."""
        first = steps(self.type.create)[0]
        self.answer = self.run(first) or {}
        self.id = self._new_id()

    def finish(self) -> None:
        """Run the create steps after the first, and tag."""
        for step in steps(self.type.create)[1:]:
            if not step.on or any(self.inputs.get(prop) not in (None, [], {}) for prop in step.on):
                self.run(step)
        tags = self.type.tags
        if tags and self.tags and not (isinstance(tags, Tags) and tags.on_create):
            self.write_tags({}, self.tags)

    def _new_id(self) -> str:
        spec = self.type.id
        if isinstance(spec, Answer):
            return str(self.answer[spec.member])
        if callable(spec):
            return str(spec(self))
        return str(self.get(spec))

    def read(self) -> Properties | None:
        """The properties as AWS has them now; None when the resource is gone."""
        merged: Properties = {}
        for step in steps(self.type.read):
            try:
                answer = self.run(step)
            except ClientError as error:
                if self.is_gone(error):
                    return None
                raise
            if answer is None or answer == []:
                return None
            merged |= answer if isinstance(step, Step) else self._mapped(answer)
            self.state = {**self.state, **merged}
        if self.type.tags:
            found = {key: item for key, item in self.read_tags().items() if not key.startswith("aws:")}
            merged |= {"tags": found, "tagsAll": found}
        return {prop: item for prop, item in merged.items() if item is not None and prop not in self.type.hidden}

    def _mapped(self, answer: Mapping[str, Any]) -> Properties:
        shape = answer.shape if isinstance(answer, _Shaped) else None
        result: Properties = {}
        for prop, member in self.type.fields.items():
            if "." not in prop and member in answer:
                inner = getattr(shape, "members", {}).get(member)
                value = convert.from_aws(answer[member], inner, self.type.fields, prop)
                if prop in self.type.single and isinstance(value, list):
                    value = value[0] if value else None
                result[prop] = value
        return result

    def update(self) -> None:
        """Run the update steps that the changed properties ask for."""
        for step in steps(self.type.update):
            touched = (self.changed - set(self.type.inert) - {"tags", "tagsAll"}) & set(step.on or self.changed)
            if not touched:
                continue
            unset = isinstance(step, Call) and step.unset
            if unset and step.on and all(self.inputs.get(prop) in (None, [], {}) for prop in step.on):
                self.run(unset)
            else:
                self.run(step)
        if "tags" in self.changed and self.type.tags:
            self.write_tags(dict(self.old.get("tags") or {}), self.tags)

    def delete(self) -> None:
        """Run the delete steps; what is gone already is no failure."""
        for step in steps(self.type.delete):
            try:
                self.run(step)
            except ClientError as error:
                if not self.is_gone(error):
                    raise

    def read_tags(self) -> dict[str, str]:
        """The tags that AWS has."""
        tags = self.type.tags
        if not isinstance(tags, Tags):
            return tags.read(self) if tags else {}
        target = {member: self.value(spec) for member, spec in tags.target.items()}
        answer: Any = self.call(tags.read, tags.service, **target)
        for part in tags.at.split("."):
            answer = answer.get(part) or {}
        if tags.shape == "map":
            return dict(answer)
        key, value = tags.names
        return {tag[key]: tag.get(value, "") for tag in answer}

    def write_tags(self, old: Mapping[str, str], new: Mapping[str, str]) -> None:
        """Bring the tags from `old` to `new`: what went is removed, what is new or changed is written."""
        tags = self.type.tags
        if not isinstance(tags, Tags):
            if tags:
                tags.write(self, dict(old), dict(new))
            return
        target = {member: self.value(spec) for member, spec in tags.target.items()}
        removed = sorted(set(old) - set(new))
        written = {key: value for key, value in new.items() if old.get(key) != value}
        if removed:
            self.call(tags.remove, tags.service, **target, **{tags.keys: removed})
        if written:
            self.call(tags.add, tags.service, **target, **{tags.sent_at or tags.at: self.tags_as_sent(tags, written)})

    @staticmethod
    def tags_as_sent(tags: Tags, written: Mapping[str, str]) -> Any:
        """Tags in the family's own form."""
        if tags.shape == "map":
            return dict(written)
        key, value = tags.names
        return [{key: name, value: text} for name, text in written.items()]


class _Shaped(dict[str, Any]):
    """A part of an answer, with the shape that tells its maps from its structures."""

    def __init__(self, answer: Mapping[str, Any], shape: Any) -> None:
        super().__init__(answer)
        self.shape = shape
