"""The base of every component: names, tags, transforms, source and address, the same everywhere."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pulumi

from modelyard.core import kubernetes, tags
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError, Source, SpecError
from modelyard.core.names import Kind
from modelyard.core.settle import at_program_end
from modelyard.core.source import call_site, note_source, note_transformed
from modelyard.core.spec import Spec

Transform = Callable[[dict[str, Any], pulumi.ResourceOptions], tuple[dict[str, Any], pulumi.ResourceOptions]]
"""From a child's arguments (snake_case names) and options to new ones: the escape hatch of every component."""


class Component(pulumi.ComponentResource):
    """A `pulumi.ComponentResource` of type `modelyard:<capability>:<Class>`.

    Its children are called `<component>-<role>`; a child of a nested component is found by the whole rest of its name.
    `transform` maps a child's role to a function that changes its arguments and options. `written` is where it
    was asked for; absent, where its spec was written, else where its parent was, else the call site. Raises `SpecError`
    with all faults of `spec`, and `InputError` at the program's end for a transform whose role no child has.
    """

    CAPABILITY: ClassVar[str]

    def __init__(
        self,
        name: str,
        spec: Spec | None,
        *,
        context: Context,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        written: Source | None = None,
    ) -> None:
        known = written or (spec.source() if spec is not None else _of_parent(opts))
        self.written = known if known.file else call_site().at(known.path)
        if spec is not None:
            faults = list(spec.all_faults())
            if faults:
                raise SpecError(*faults)
        self.context = context
        self.component = name
        self._transform = dict(transform or {})
        self._unused = set(self._transform)
        self._written: dict[str, Source] = {}
        kind = f"modelyard:{self.CAPABILITY}:{type(self).__name__}"
        note_source(kind, name, self.written)
        own = pulumi.ResourceOptions(transformations=[self._tag_and_transform])
        super().__init__(kind, name, None, pulumi.ResourceOptions.merge(opts, own))
        if self._transform:
            at_program_end(self._refuse_unused_transforms)

    def named(self, role: str) -> str:
        """The logical name of the child that plays `role`."""
        return f"{self.component}-{role}"

    def physical(self, kind: Kind, role: str = "", *, content: str | None = None) -> str:
        """The physical name of what plays `role` here."""
        return self.context.names.of(kind, self.component, role, content=content)

    def written_at(self, role: str, source: Source) -> str:
        """The logical name of the child that plays `role`, and which part of the file it stands for."""
        self._written[role] = source
        return self.named(role)

    def options(self, **options: Any) -> pulumi.ResourceOptions:
        """The options of a child: this component as the parent, and whatever else `ResourceOptions` takes."""
        return pulumi.ResourceOptions(parent=self, **options)

    def _tag_and_transform(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.resource is self:
            return None
        props: dict[str, Any] = dict(args.props)
        opts = args.opts
        if args.type_.startswith("aws:") and "tags" in props:
            users: Mapping[str, str] = props["tags"] or {}
            if tags.MANAGED_BY not in users.values():
                props["tags"] = tags.merged(users, self.context.tags_for(self.component))
        if args.type_.startswith(kubernetes.TOKEN) and isinstance(props.get("metadata"), Mapping):
            props["metadata"] = kubernetes.labelled(props["metadata"], kubernetes.labels(self.context, self.component))
        role = args.name.removeprefix(f"{self.component}-")
        if role in self._written:
            note_source(args.type_, args.name, self._written[role])
        if role in self._transform:
            self._unused.discard(role)
            before = dict(props)
            props, opts = self._transform[role](props, opts)
            changed = {key for key in {*before, *props} if before.get(key) is not props.get(key)}
            note_transformed(args.type_, args.name, frozenset(changed))
        return pulumi.ResourceTransformationResult(props=props, opts=opts)

    def _refuse_unused_transforms(self) -> None:
        roles = sorted(
            str(child.pulumi_resource_name).removeprefix(f"{self.component}-") for child in self._childResources
        )
        faults: list[Fault] = []
        for role in sorted(self._unused):
            close = difflib.get_close_matches(role, roles, n=1)
            hint = f'Did you mean "{close[0]}"?' if close else f"Use one of {', '.join(roles)}."
            faults.append(Fault("no child plays this role", hint, self.written.at("transform"), role))
        if faults:
            raise InputError(*faults)


def _of_parent(opts: pulumi.ResourceOptions | None) -> Source:
    parent = opts.parent if opts is not None else None
    return parent.written if isinstance(parent, Component) else Source("")
