"""How one Pulumi resource type is declared over boto3: what a newcomer fills in to teach the sandbox a type.

The whole of a CloudWatch log group:

    LOG_GROUP = Type(
        "aws:cloudwatch/logGroup:LogGroup",
        "logs",
        fields={"name": "logGroupName", "kmsKeyId": "kmsKeyId", "retentionInDays": "retentionInDays", "arn": "arn"},
        id="name",
        name=Name("name", limit=512),
        defaults={"skipDestroy": False},
        computed=("arn",),
        create=(Call("create_log_group"), RETENTION),
        read=Call("describe_log_groups", {"logGroupNamePrefix": "id"}, take="logGroups", where={"logGroupName": "id"}),
        update=RETENTION,          # RETENTION = Call("put_retention_policy", on=("retentionInDays",),
        delete=Call("delete_log_group"),              #        unset=Call("delete_retention_policy"))
        tags=Tags("list_tags_for_resource", "tag_resource", "untag_resource", {"resourceArn": "arn"}, shape="map",
                  at="tags", keys="tagKeys", on_create="tags"),
    )

`fields` pairs Pulumi's camelCase property with the operation's parameter; it serves both ways. A `Call` sends every
field that its operation knows, converted along botocore's model (nested names in any case, numbers, booleans), and what
its own table adds. In such a table a string names a property (`"id"` is the resource's id), `Const("x")` is the text
itself, a function receives the `Live` resource, and anything else stands for itself. Where a call is not enough, a step
is a function of the `Live` resource. Properties that no update step covers replace the resource, so `replace` only
names those that an update step would otherwise take. Then add the constant to `TYPES` of its table module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

Function: TypeAlias = "Callable[[Live], Any]"
Fields: TypeAlias = Mapping[str, str]


def fields(*names: str, **others: str) -> dict[str, str]:
    """Fields whose parameter is the property in PascalCase (`keyId` is `KeyId`), and others as property=Parameter."""
    return {name: name[0].upper() + name[1:] for name in names} | others


@dataclass(frozen=True, slots=True)
class Const:
    """A literal text in a `Call`'s table, where a bare string would name a property."""

    value: str


@dataclass(frozen=True, slots=True)
class Filled:
    """A structure of all the type's fields, for operations that take them in one parameter (`DatabaseInput`)."""

    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One boto3 operation of the type's service.

    `parameters` adds to what `fields` send; with `fill=False` it is all that is sent. `take` is the dotted path to the
    interesting part of the answer (`"Role"`, `"Vpcs.0"`); `where` picks from a list there the first element whose
    members equal the given values. With `on`, the call runs only where one of these properties is set (create) or has
    changed (update), and `unset` runs instead where all of them went away. Error codes in `ignore` are no failure.
    """

    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    take: str = field(default="", kw_only=True)
    where: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    on: tuple[str, ...] = field(default=(), kw_only=True)
    unset: Call | None = field(default=None, kw_only=True)
    fill: bool = field(default=True, kw_only=True)
    ignore: tuple[str, ...] = field(default=(), kw_only=True)
    service: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class Step:
    """A function in place of a `Call`, with the same meaning of `on`: absent, it covers every property."""

    run: Function
    on: tuple[str, ...] = ()


Steps: TypeAlias = "Call | Step | Function | Sequence[Call | Step | Function]"


@dataclass(frozen=True, slots=True)
class Answer:
    """An id that AWS gives: a member of the create call's answer (after its `take`)."""

    member: str


@dataclass(frozen=True, slots=True)
class Name:
    """The property that is named automatically when absent: the resource's name and seven characters of its seed.

    `prefix` names the property that takes the name's beginning (`namePrefix`); `start` is what AWS demands at the
    front (`alias/`), `suffix` at the end; `lower` cuts upper case, `limit` counts characters.
    """

    property: str
    limit: int = 255
    prefix: str = ""
    start: str = ""
    suffix: str = ""
    lower: bool = False


@dataclass(frozen=True, slots=True)
class Tags:
    """How a service family lists, adds and removes tags.

    `target` is the table of parameters that name the resource in all three calls. `shape` is how tags travel: `list`
    of `names`, or a `map`. `at` is their place in the answer and, unless
    `sent_at` differs, their parameter; `keys` the parameter of removal.
    `on_create` is the create call's own parameter; absent, tags are added after creation.
    """

    read: str
    add: str
    remove: str
    target: Mapping[str, Any]
    shape: Literal["list", "map"] = "list"
    at: str = "Tags"
    keys: str = "TagKeys"
    names: tuple[str, str] = ("Key", "Value")
    on_create: str = ""
    sent_at: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class TagFunctions:
    """Tags that no `Tags` describes: `read` gives a dict, `write` receives old and new ones."""

    read: Callable[[Live], dict[str, str]]
    write: Callable[[Live, dict[str, str], dict[str, str]], None]


@dataclass(frozen=True, slots=True)
class Type:
    """One resource type; the module's docstring shows a whole one.

    `id`: a property's name, an `Answer`, or a function. `from_id` gives the properties that an id to import holds;
    where `id` is a property's name, that is known.
    `create`, `read`, `update`, `delete`: steps. A `Call` of `read` is mapped back by `fields`; a function returns
    Pulumi properties, or None when the resource is gone. Several steps of `read` are merged.
    `computed`: outputs that nobody sets, unknown in a preview of creation. `volatile`: computed and changed by updates.
    `defaults`: what AWS or the real provider assumes; kept in the state. Functions receive the `Live` resource.
    `assumed`: the same deeper down, by dotted path, for what the read shows and nobody wrote.
    `replace`: changes that replace; a dotted path is a fixed part of a property that else changes in place.
    `fixed`: for what no path can say, which properties replace the resource when old inputs become new ones.
    `imports`: whether the real provider can import it.
    `inert`: properties that only the sandbox reads (`forceDestroy`).
    `delete_first`: a replacement deletes first, always; else only where name and id would collide.
    `single`: objects that AWS keeps as a list of one.
    `json`, `sets`: properties compared by content, or in any order. `hidden`: never read back (passwords).
    `write_only`: sent, and then in no state and no difference; another property says when to send them again.
    `kept`: properties that keep AWS's own value while nobody sets them (a key's default policy).
    `gone`: further error codes that mean it does not exist.
    """

    token: str
    service: str
    fields: Fields = field(default_factory=dict, kw_only=True)
    id: str | Answer | Function = field(kw_only=True)
    from_id: Callable[[str], dict[str, Any]] | None = field(default=None, kw_only=True)
    name: Name | None = field(default=None, kw_only=True)
    create: Steps = field(kw_only=True)
    read: Steps = field(kw_only=True)
    update: Steps = field(default=(), kw_only=True)
    delete: Steps = field(default=(), kw_only=True)
    computed: tuple[str, ...] = field(default=(), kw_only=True)
    volatile: tuple[str, ...] = field(default=(), kw_only=True)
    defaults: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    assumed: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    replace: tuple[str, ...] = field(default=(), kw_only=True)
    fixed: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[str, ...]] | None = field(default=None, kw_only=True)
    imports: bool = field(default=True, kw_only=True)
    inert: tuple[str, ...] = field(default=(), kw_only=True)
    delete_first: bool = field(default=False, kw_only=True)
    single: tuple[str, ...] = field(default=(), kw_only=True)
    json: tuple[str, ...] = field(default=(), kw_only=True)
    sets: tuple[str, ...] = field(default=(), kw_only=True)
    hidden: tuple[str, ...] = field(default=(), kw_only=True)
    write_only: tuple[str, ...] = field(default=(), kw_only=True)
    kept: tuple[str, ...] = field(default=(), kw_only=True)
    gone: tuple[str, ...] = field(default=(), kw_only=True)
    tags: Tags | TagFunctions | None = field(default=None, kw_only=True)


FILLED: Final = Filled()
ANYTHING: Final = object()
"""In `assumed`: whatever AWS gave, where the SDK doesn't tell that it is AWS's to give."""


def steps(declared: Steps) -> tuple[Call | Step, ...]:
    """Declared steps as a tuple, with bare functions as steps."""
    several = declared if isinstance(declared, Sequence) else (declared,)
    return tuple(step if isinstance(step, Call | Step) else Step(step) for step in several)


def updatable(declared: Type, prop: str) -> bool:
    """Whether a change of the property is made in place."""
    if prop in declared.replace:
        return False
    if prop in declared.inert or prop in ("tags", "tagsAll"):
        return True
    return any(not step.on or prop in step.on for step in steps(declared.update))
