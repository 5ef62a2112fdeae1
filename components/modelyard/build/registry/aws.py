"""The model registry on SageMaker: groups of versions, their artifacts, and the one way to an approval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.build.registry.cards import model_card
from modelyard.build.registry.guard import Guard
from modelyard.build.registry.promotion import Promotion
from modelyard.build.registry.release_keys import ReleaseKeys, promoter_role
from modelyard.build.registry.spec import RegistrySpec
from modelyard.build.registry.store import Store
from modelyard.core import access
from modelyard.core.access import Grantee, PendingAddress, Principal, Statement, address, identity_of
from modelyard.core.addresses import ModelAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.contract import ReleaseKeysContract
from modelyard.core.errors import Fault, InputError, SpecError
from modelyard.core.identity import Role
from modelyard.core.notices import Notices
from modelyard.core.releasing import PENDING
from modelyard.core.retention import Classification, retention_for
from modelyard.foundation.audit import AuditLike
from modelyard.foundation.keys import DECRYPT, KeysLike, through_service

_DESCRIBE = ("sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages")
_MINE = "${aws:userid}"
_JUDGED = ("decisions/*", "gates/*", "lineage/*", "models/*")
_SEEN = ("gates", "lineage", "releases")


class ModelRegistry(Component):
    """A package group per model, a bucket, a key that signs releases, and the machine that alone approves.

    `release_keys`: what the platform made, a `ReleaseKeys` or its part of the contract. Absent: the registry makes its
    own. Raises `SpecError` where a model is pulled by an account that those keys don't admit.
    """

    CAPABILITY = "registry"

    def __init__(
        self,
        name: str,
        spec: RegistrySpec,
        *,
        context: Context,
        keys: KeysLike,
        audit: AuditLike,
        release_keys: ReleaseKeys | ReleaseKeysContract | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults = [*spec.all_faults(), *_not_admitted(spec, release_keys)]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        release_keys = self._own_keys() if release_keys is None else release_keys
        self.signing_key_arn: pulumi.Output[str] = pulumi.Output.from_input(release_keys.signing)
        pulled = release_keys.artifacts if spec.pulled_by else None
        key_arn = keys.arn("models") if pulled is None else pulumi.Output.from_input(pulled)
        self._store = Store(self, spec, key_arn=key_arn, signer=promoter_role(context, name))
        self.bucket = self._store.bucket
        self.groups = {model: self._group(model) for model in spec.models}
        self._cards_key = keys.arn("models")
        self.cards = {
            model: model_card(self, model, said, card_name=self._group_name(model), key_arn=self._cards_key)
            for model, said in spec.models.items()
        }
        notices = Notices(self, keys.arn("models"), about="Models")
        owners = sorted({model.owner for model in spec.models.values()})
        self.topics = {owner: notices.of(owner) for owner in owners}
        declared = {model: self._declared(model, notices.known_arn(said.owner)) for model, said in spec.models.items()}
        self._promotion = Promotion(
            self,
            settings={
                "BUCKET": self._store.name,
                "ENVIRONMENT": context.environment,
                "LOCK_DAYS": str(spec.lock_days),
                "LOCK_MODE": spec.lock_mode.upper(),
                "SIGNING_KEY": self.signing_key_arn,
                "TEAM": context.owner,
            },
            declared=declared,
            packages=self._packages(spec.models),
            statements=self._may_promote(),
            topics=[notices.known_arn(owner) for owner in owners],
            key_arn=keys.arn("models"),
            audit=audit,
        )
        self.promotion_arn = self._promotion.arn
        self.signer: Role = self._promotion.signer
        """The role that alone signs; whoever gives it a function to run answers for what that signs."""
        if spec.models:
            Guard(
                self,
                self._store,
                notices,
                declared=declared,
                owners=owners,
                packages=self._packages(spec.models),
                signing_key_arn=self.signing_key_arn,
                promotion_role_arn=self._promotion.role_arn,
                key_arn=keys.arn("models"),
                audit=audit,
            )
        self.register_outputs(
            {
                "bucket": self._store.name,
                "groups": {model: group.model_package_group_name for model, group in self.groups.items()},
                "promotion": self._promotion.machine.arn,
                "signingKey": self.signing_key_arn,
            }
        )

    def grant_submit(self, grantee: Grantee, *, models: Sequence[str] | None = None) -> None:
        """Let `grantee` put artifacts down and register versions that wait for approval. Absent: of all models."""
        chosen = self._known(models)
        places = [f"{place}/{model}/*" for model in chosen for place in ("lineage", "models")]
        statements = [
            Statement(
                ("sagemaker:CreateModelPackage",),
                (*self._groups(chosen), *self._packages(chosen)),
                {"StringEquals": {"sagemaker:ModelApprovalStatus": PENDING}},
            ),
            *self._may_see(chosen),
            *self._store.may_list(*places),
            *self._store.may_read(*places),
            *self._store.may_put(*places),
        ]
        self._grant(grantee, "submit", chosen, statements)

    def grant_evaluate(self, grantee: Grantee, *, models: Sequence[str] | None = None) -> None:
        """Let `grantee` read versions and put down what their gates measured. Absent: of all models.

        Whoever submits should not evaluate as well, or its own word decides.
        """
        chosen = self._known(models)
        results = [f"gates/{model}/*" for model in chosen]
        statements = [
            *self._may_see(chosen),
            *self._store.may_read(*(f"models/{model}/*" for model in chosen), *results),
            *self._store.may_put(*results),
        ]
        self._grant(grantee, "evaluate", chosen, statements)

    def grant_approve(self, grantee: Grantee, *, models: Sequence[str] | None = None) -> None:
        """Let `grantee` put down decisions in its own name, and start the machine that carries them out.

        It sets no status and signs nothing itself. Absent: of all models.
        """
        chosen = self._known(models)
        execution = self.promotion_arn.replace(":stateMachine:", ":execution:")
        statements = [
            *self._may_see(chosen),
            *self._store.may_read(*(f"{place}/{model}/*" for model in chosen for place in _SEEN)),
            *self._store.may_put(*(f"decisions/{_MINE}/{model}/*" for model in chosen)),
            Statement(("states:StartExecution",), (self.promotion_arn,)),
            Statement(("states:DescribeExecution", "states:GetExecutionHistory"), (f"{execution}:*",)),
        ]
        self._grant(grantee, "approve", chosen, statements)

    def grant_read(self, grantee: Grantee, *, models: Sequence[str] | None = None) -> None:
        """Let `grantee` see versions, results and releases, and verify signatures. Absent: of all models."""
        chosen = self._known(models)
        self._grant(grantee, "read", chosen, self._may_check(chosen))

    def grant_pull(self, grantee: Grantee, *, models: Sequence[str] | None = None) -> None:
        """Let `grantee` do what `grant_read` lets it, and read the artifacts. Absent: of all models."""
        chosen = self._known(models)
        statements = [*self._may_check(chosen), *self._store.may_read(*(f"models/{model}/*" for model in chosen))]
        self._grant(grantee, "pull", chosen, statements)

    def grant_witness(self, grantee: Grantee, *, models: Sequence[str] | None = None) -> None:
        """Let `grantee` do what `grant_read` lets it, and see cards and everybody's decisions, as evidence needs it.

        Absent: of all models.
        """
        chosen = self._known(models)
        cards = tuple(self.context.arn("sagemaker", f"model-card/{self._group_name(model)}") for model in chosen)
        decisions = [f"decisions/*/{model}/*" for model in chosen]
        seen = [
            Statement(("sagemaker:DescribeModelCard",), cards),
            through_service(self.context, "sagemaker", DECRYPT, self._cards_key),
            *self._store.may_list(*decisions),
            *self._store.may_read(*decisions),
        ]
        self._grant(grantee, "witness", chosen, [*self._may_check(chosen), *(seen if chosen else [])])

    def _grant(self, grantee: Grantee, intent: str, models: Sequence[str], statements: Sequence[Statement]) -> None:
        never = Statement(
            ("sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"),
            (*self._groups(models), *self._packages(models)),
            {"StringLike": {"sagemaker:ModelApprovalStatus": ["Approved", "Rejected"]}},
            "Deny",
            sid="OnlyThePromotionDecides",
        )
        found = [self._address(model) for model in models]
        identity_of(grantee).allow(self, intent, [*statements, *([never] if models else [])], found)

    def _may_see(self, models: Sequence[str]) -> list[Statement]:
        return [
            Statement(_DESCRIBE, self._packages(models)),
            Statement(("sagemaker:DescribeModelPackageGroup",), self._groups(models)),
        ]

    def _may_check(self, models: Sequence[str]) -> list[Statement]:
        places = [f"{place}/{model}/*" for model in models for place in _SEEN]
        return [
            *self._may_see(models),
            *self._store.may_list(*places, *(f"models/{model}/*" for model in models)),
            *self._store.may_read(*places),
            Statement(("kms:GetPublicKey", "kms:Verify"), (self.signing_key_arn,)),
        ]

    def _may_promote(self) -> list[Statement]:
        models = sorted(self.spec.models)
        if not models:
            return [Statement(("kms:Sign",), (self.signing_key_arn,))]
        releases = tuple(f"releases/{model}/*" for model in models)
        return [
            Statement(
                ("kms:Sign",),
                (self.signing_key_arn,),
                {"StringEquals": {"kms:MessageType": "RAW", "kms:SigningAlgorithm": "ECDSA_SHA_256"}},
            ),
            Statement(("kms:GetPublicKey",), (self.signing_key_arn,)),
            *self._may_see(models),
            *self._store.may_list(*_JUDGED),
            *self._store.may_read(*_JUDGED),
            *self._store.may_put(*releases),
            Statement(("s3:PutObjectRetention",), self._store.objects("models/*", *releases)),
        ]

    def _group(self, model: str) -> aws.sagemaker.ModelPackageGroup:
        spec = self.spec.models[model]
        retention = retention_for(Classification.CONFIDENTIAL, production=self.context.production)
        group = aws.sagemaker.ModelPackageGroup(
            self.written_at(model, spec.source()),
            model_package_group_name=self._group_name(model),
            model_package_group_description=spec.description,
            tags={"owner": spec.owner},
            opts=self.options(protect=retention.protect),
        )
        if spec.pulled_by:
            aws.sagemaker.ModelPackageGroupPolicy(
                self.written_at(f"{model}-policy", spec.source("pulled_by")),
                model_package_group_name=group.model_package_group_name,
                resource_policy=access.policy_json(self._others_may_see(model)),
                opts=self.options(),
            )
        return group

    def _others_may_see(self, model: str) -> list[Statement]:
        """Lets roles of the platform's names in other accounts see a model's versions.

        Source: sagemaker/latest/dg/model-registry-deploy-xaccount.
        """
        partition = self.context.partition
        return [
            statement
            for account in sorted(set(self.spec.models[model].pulled_by))
            for statement in (
                Statement(
                    actions,
                    resources,
                    {"ArnLike": {"aws:PrincipalArn": f"arn:{partition}:iam::{account}:role/modelyard/*"}},
                    principal=Principal.account(account, partition),
                    sid=f"Account{account}{sid}",
                )
                for sid, actions, resources in (
                    ("SeesGroup", ("sagemaker:DescribeModelPackageGroup",), self._groups([model])),
                    ("SeesVersions", _DESCRIBE, self._packages([model])),
                )
            )
        ]

    def _own_keys(self) -> ReleaseKeys:
        return ReleaseKeys(
            self.named("release-keys"),
            context=self.context,
            registry=self.component,
            administrators=self.spec.key_administrators,
            pulled_by=self.spec.pulled_by,
            written=self.spec.source(),
            opts=self.options(),
        )

    def _declared(self, model: str, topic: str) -> dict[str, Any]:
        """What the functions must know of a model; `topic` is its owner's."""
        return {**self.facts(model), "topic": topic}

    def facts(self, model: str) -> dict[str, Any]:
        """What functions must know of a model: its group, what its versions' ARNs begin with, its gates."""
        gates = self.spec.models[model].gates
        return {
            "group": self._group_name(model),
            "packages": self.context.arn("sagemaker", f"model-package/{self._group_name(model)}"),
            "gates": {name: gate.value.model_dump(mode="json") for name, gate in gates.items()},
        }

    def _group_name(self, model: str) -> str:
        return self.physical("sagemaker", model)

    def _groups(self, models: Sequence[str]) -> tuple[str, ...]:
        names = (self._group_name(model) for model in sorted(models))
        return tuple(self.context.arn("sagemaker", f"model-package-group/{name}") for name in names)

    def _packages(self, models: Sequence[str] | Mapping[str, Any]) -> tuple[str, ...]:
        names = (self._group_name(model) for model in sorted(models))
        return tuple(self.context.arn("sagemaker", f"model-package/{name}/*") for name in names)

    def _address(self, model: str) -> PendingAddress:
        return address(
            ModelAddress,
            name=model,
            group=self._group_name(model),
            bucket=self._store.name,
            key_arn=self._store.key_arn,
            signing_key_arn=self.signing_key_arn,
            promotion=self.promotion_arn,
        )

    def _known(self, models: Sequence[str] | None) -> list[str]:
        """The names sorted, absent all of them. Raises `InputError` with every one that the registry hasn't."""
        chosen = sorted(self.spec.models if models is None else models)
        unknown = [name for name in chosen if name not in self.spec.models]
        if unknown:
            has = ", ".join(self.spec.models) or "none"
            where = self.written.at("models")
            raise InputError(*(Fault("is no model of this registry", f"It has {has}.", where, n) for n in unknown))
        return chosen


def _not_admitted(spec: RegistrySpec, keys: ReleaseKeys | ReleaseKeysContract | None) -> list[Fault]:
    """Accounts that pull a model, and whom the platform's keys let nothing decrypt."""
    if keys is None:
        return []
    return [
        model.fault(
            f"pulled_by[{index}]",
            f"is no account that the platform admits; it admits: {', '.join(keys.pulled_by) or 'none'}",
            'Add it to "pulled_by" in the platform\'s file, and update the platform first.',
            account,
        )
        for model in spec.models.values()
        for index, account in enumerate(model.pulled_by)
        if account not in keys.pulled_by
    ]
