"""A SageMaker Studio domain of a team, a profile for each person, and their spaces; the platform's stack makes it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.workbench.access import APP_TYPES, may_run, may_work, nobody_who_left
from modelyard.build.workbench.known import EXECUTION, grant_open
from modelyard.build.workbench.people import key_of, profile_name, space_name
from modelyard.build.workbench.spec import SHORTEST_IDLE, Editor, WorkbenchSpec
from modelyard.core.access import (
    MANAGED_LENGTH,
    Grantee,
    Statement,
    named_sessions,
    policy,
    policy_json,
    size,
    trust_service,
)
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.core.identity import Role
from modelyard.core.retention import Classification, retention_for
from modelyard.foundation.keys import KeysLike
from modelyard.foundation.network import NetworkLike
from modelyard.foundation.tenancy import AUTHORS, HumanPersona, has_left

_OTHER_APPS: Final = (
    "Canvas",
    "DetailedProfiler",
    "JupyterServer",
    "KernelGateway",
    "RSessionGateway",
    "RStudioServerPro",
    "TensorBoard",
)
_SETTINGS: Final[Mapping[Editor, str]] = {
    "jupyterlab": "jupyter_lab_app_settings",
    "code-editor": "code_editor_app_settings",
}


class Workbench(Component):
    """The Studio domain of one team, inside the network, its home encrypted with the team's key.

    `context` is the team's, boundary included. `people`: the team's, by persona, as its header has them. `leavers`: who
    has left; they keep profile and disk until the team's file no longer names them, and can do nothing. It acts as
    `identity`, so `lake.grant_read(workbench, …)` is a grant to whoever works there.

    It belongs into the platform's stack: IAM can't tell in whose domain a profile or a space is made, so no team makes
    any. The team's stack knows it as `KnownWorkbench`.
    """

    CAPABILITY = "workbench"

    def __init__(
        self,
        name: str,
        spec: WorkbenchSpec,
        *,
        context: Context,
        keys: KeysLike,
        network: NetworkLike | None,
        people: Mapping[HumanPersona, Sequence[str]],
        leavers: Iterable[str] = (),
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        team = [person for some in people.values() for person in some]
        makers = [person for persona in AUTHORS for person in people.get(persona, ())]
        faults = [*spec.all_faults(), *spec.strangers(team)]
        if network is None:
            remedy = "Give the team a network; without one, notebooks would be on the open internet."
            faults.append(spec.fault("", "has no network to live in", remedy))
        chosen = list(dict.fromkeys(makers if spec.people is None else spec.people))
        if not chosen:
            faults.append(spec.fault("people", "are none, so that nobody could work here", "Name people of the team."))
        if faults or network is None:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self.profiles: dict[str, str] = {person: profile_name(self, person) for person in chosen}
        self._key_arn = keys.arn("workbench")
        self._retention = retention_for(Classification.INTERNAL, production=context.production, declared=spec.retention)
        self.identity = Role(
            self.named(EXECUTION),
            context=context,
            trusted=_trusted(context),
            description=f"Work in {name} runs as it",
            opts=pulumi.ResourceOptions(parent=self),
            written=spec.source(),
        )
        self.domain = self._domain(network)
        gone = [self.profiles[person] for person in chosen if has_left(person, leavers)]
        self._let_work(
            [
                *may_work(context, spec, domain_id=self.domain.id),
                *may_run(context, key_arn=self._key_arn),
                *nobody_who_left(gone),
            ]
        )
        for person in chosen:
            self._places_of(person)
        self.register_outputs({"domainId": self.domain.id, "roleArn": self.identity.arn, "profiles": self.profiles})

    def grant_open(self, grantee: Grantee, people: Sequence[str]) -> None:
        """Let each of `people`, in sessions of `grantee` under their own names, open their own profile."""
        grant_open(self.component, self.context, self.domain.id, self.profiles, grantee, people)

    def contract(self) -> dict[str, Any]:
        """What the team's stack needs in order to know it."""
        return {"domain_id": self.domain.id, "role_arn": self.identity.arn, "profiles": self.profiles}

    def _let_work(self, statements: Sequence[Statement]) -> None:
        """A managed policy: the room for inline ones is left to the grants of the team's stack."""
        length = size(policy(statements))
        if length > MANAGED_LENGTH:
            problem = f"give a policy of {length} characters, and IAM takes {MANAGED_LENGTH}"
            raise SpecError(self.spec.fault("instance_types", problem, "Name fewer.", len(self.spec.instance_types)))
        work = aws.iam.Policy(
            self.named("work"),
            name=self.physical("iam-policy", "work"),
            path=self.context.names.path,
            description=f"What people may do in {self.component}",
            policy=policy_json(statements),
            opts=self.options(),
        )
        aws.iam.RolePolicyAttachment(
            self.named("work-attachment"),
            role=self.identity.role_name,
            policy_arn=work.arn,
            opts=self.options(),
        )

    def _domain(self, network: NetworkLike) -> aws.sagemaker.Domain:
        spec, role = self.spec, self.identity.arn
        hidden = [APP_TYPES[editor] for editor in APP_TYPES if editor not in spec.editors]
        user: Any = {
            "execution_role": role,
            "security_groups": [network.security_group("workload")],
            "sharing_settings": {"notebook_output_option": "Disabled"},
            "studio_web_portal": "ENABLED",
            "default_landing_uri": "studio::",
            "studio_web_portal_settings": {
                "hidden_app_types": sorted([*_OTHER_APPS, *hidden]),
                "hidden_instance_types": spec.hidden_types,
            },
            "space_storage_settings": {
                "default_ebs_storage_settings": {
                    "default_ebs_volume_size_in_gb": spec.volume_gib,
                    "maximum_ebs_volume_size_in_gb": spec.most_volume_gib,
                }
            },
        }
        for editor in spec.editors:
            user[_SETTINGS[editor]] = self._editor(editor)
        keeps = self._retention.protect
        return aws.sagemaker.Domain(
            self.named("domain"),
            domain_name=self.physical("sagemaker"),
            auth_mode="IAM",
            vpc_id=network.vpc_id,
            subnet_ids=network.subnet_ids("private"),
            app_network_access_type="VpcOnly",
            kms_key_id=self._key_arn,
            default_user_settings=user,
            domain_settings={
                "execution_role_identity_config": "USER_PROFILE_NAME",
                "docker_settings": {"enable_docker_access": "DISABLED"},
            },
            retention_policy={"home_efs_file_system": "Delete" if self._retention.force_destroy else "Retain"},
            tag_propagation="ENABLED",
            opts=self.options(protect=keeps),
        )

    def _editor(self, editor: Editor) -> dict[str, Any]:
        spec = self.spec
        resource: dict[str, Any] = {"instance_type": spec.default_instance_type}
        settings: dict[str, Any] = {
            "default_resource_spec": resource,
            "app_lifecycle_management": {
                "idle_settings": {
                    "lifecycle_management": "ENABLED",
                    "idle_timeout_in_minutes": spec.idle_minutes,
                    "min_idle_timeout_in_minutes": SHORTEST_IDLE,
                    "max_idle_timeout_in_minutes": spec.longest_idle,
                }
            },
        }
        if spec.start_script is not None:
            script = aws.sagemaker.StudioLifecycleConfig(
                self.named(f"{editor}-start"),
                studio_lifecycle_config_name=self.physical("sagemaker", f"{editor}-start", content=spec.start_script),
                studio_lifecycle_config_app_type=APP_TYPES[editor],
                studio_lifecycle_config_content=base64.b64encode(spec.start_script.encode()).decode(),
                opts=self.options(),
            )
            resource["lifecycle_config_arn"] = script.arn
            settings["lifecycle_config_arns"] = [script.arn]
        return settings

    def _places_of(self, person: str) -> None:
        """A person's profile, and a private space for each editor."""
        keeps = self._retention.protect
        profile = aws.sagemaker.UserProfile(
            self.named(f"{key_of(person)}-profile"),
            domain_id=self.domain.id,
            user_profile_name=self.profiles[person],
            opts=self.options(protect=keeps),
        )
        for editor in self.spec.editors:
            aws.sagemaker.Space(
                self.named(f"{key_of(person)}-{editor}"),
                domain_id=self.domain.id,
                space_name=space_name(self, person, editor),
                space_display_name=editor,
                ownership_settings={"owner_user_profile_name": profile.user_profile_name},
                space_sharing_settings={"sharing_type": "Private"},
                space_settings={
                    "app_type": APP_TYPES[editor],
                    "space_storage_settings": {"ebs_storage_settings": {"ebs_volume_size_in_gb": self.spec.volume_gib}},
                },
                opts=self.options(protect=keeps, ignore_changes=["spaceSettings"]),
            )


def _trusted(context: Context) -> list[Statement]:
    """SageMaker alone, on behalf of this account; it also says in whose profile the session is.

    The domain's id isn't known before the role, so the pattern can't name it. Source:
    sagemaker/latest/dg/monitor-user-access-how-to, security-confused-deputy-prevention.
    """
    assume = trust_service("sagemaker.amazonaws.com", context=context, source_arn=context.arn("sagemaker", "*"))
    return [assume, named_sessions(assume)]
