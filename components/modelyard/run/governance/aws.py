"""The evidence of a team's releases: a locked bucket, and a function that writes what stands behind each of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.registry import ModelRegistry, stored
from modelyard.core import evidence, releasing
from modelyard.core.access import Grantee, Statement, address, identity_of
from modelyard.core.addresses import BucketAddress
from modelyard.core.bundles import bundle
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.deployed_from import exports
from modelyard.core.errors import Fault, InputError, SpecError
from modelyard.core.events import Approved, pattern
from modelyard.core.functions import FOR_A_DAY, LOG_DAYS, Worker, function, function_arn, woken, worker
from modelyard.core.names import short_hash
from modelyard.core.notices import Notices
from modelyard.core.settle import at_program_end
from modelyard.foundation.audit import AuditLike
from modelyard.foundation.keys import KeysLike
from modelyard.run.governance import page
from modelyard.run.governance.spec import GovernanceSpec
from modelyard.run.governance.store import Store

_SECONDS: Final = 120
_MEMORY_MIB: Final = 256


class EvidenceStore(Component):
    """A bundle of evidence for each released version of a registry's models: written once, sealed, and locked.

    `infrastructure`: what the deployment says of itself, such as `core.deployed_from.revision`; the stack's outputs
    come along, unless it says other `outputs`, and of secret ones only that they are. `policy_report`: what the check
    of the policies found, where there is one. Absent: CI puts them down itself (`grant_report`), or the bundles say
    that there are none. Raises `SpecError` for a lock that can't be lifted where the environment isn't production.
    """

    CAPABILITY = "governance"

    def __init__(
        self,
        name: str,
        spec: GovernanceSpec,
        *,
        context: Context,
        keys: KeysLike,
        registry: ModelRegistry,
        audit: AuditLike,
        infrastructure: Mapping[str, pulumi.Input[Any]] | None = None,
        policy_report: Mapping[str, Any] | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults = [*spec.all_faults(), *spec.faults_in(context)]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec, self._registry = spec, registry
        key_arn = keys.arn("models")
        says = f"{context.owner}: writes the evidence of releases"
        writer = worker(self, "writer", says=says, key_arn=key_arn)
        self._store = Store(self, spec, key_arn=key_arn, writer=writer.role.arn)
        self.bucket = self._store.bucket
        self._sealer = self._makes_sealer(key_arn)
        registry.grant_witness(writer.role)
        everything = [f"{place}/*" for place in (evidence.BUNDLES, evidence.INDEX)]
        documents = (evidence.INFRASTRUCTURE, evidence.POLICY)
        statements = [
            *self._store.may_read(*everything, *documents),
            *self._store.may_put(*everything),
            Statement(("lambda:InvokeFunction",), (function_arn(self, "sealer"),)),
            writer.logs,
        ]
        writer.role.allow(self, "write", statements)
        self.function = function(
            self,
            "writer",
            worker=writer,
            says=says,
            files=sources({model: registry.facts(model) for model in sorted(registry.spec.models)}),
            handler="function.handler",
            seconds=_SECONDS,
            memory_mib=_MEMORY_MIB,
            settings={
                "BUCKET": self._store.name,
                "ENVIRONMENT": context.environment,
                "LOCK_MODE": spec.mode,
                "LOCK_YEARS": str(spec.retention_years),
                "REGISTRY": registry.bucket.bucket,
                "SEALER": self._sealer.name,
                "SIGNING_KEY": registry.signing_key_arn,
                "TEAM": context.owner,
            },
            key_arn=key_arn,
            after=self._store.fenced,
        )
        self._hears(audit)
        self._tells(Notices(self, key_arn, about="Evidence"))
        if infrastructure is not None:
            at_program_end(lambda: self._says_of_the_stack(infrastructure))
        if policy_report is not None:
            self._says("policy-report", evidence.POLICY, policy_report)
        self.register_outputs({"bucket": self._store.name, "lock": spec.mode, "years": spec.retention_years})

    def grant_read(self, grantee: Grantee, *, models: Sequence[str] | None = None) -> None:
        """Let `grantee` read evidence and verify it, with the registry's own records. Absent: of all models."""
        chosen = self._known(models)
        self._registry.grant_read(grantee, models=chosen)
        places = [f"{place}/{model}/*" for model in chosen for place in (evidence.BUNDLES, evidence.INDEX)]
        found = address(
            BucketAddress, name=self.component, bucket=self._store.name, prefix="", key_arn=self._store.key_arn
        )
        identity_of(grantee).allow(self, "read", self._store.may_read(*places), [found])

    def grant_report(self, grantee: Grantee) -> None:
        """Let `grantee`, such as CI, put down what was deployed and what the policies' check found."""
        put = self._store.may_put(evidence.INFRASTRUCTURE, evidence.POLICY)
        found = address(
            BucketAddress,
            name=self.component,
            bucket=self._store.name,
            prefix="deployment/",
            key_arn=self._store.key_arn,
        )
        identity_of(grantee).allow(self, "report", put, [found])

    def may_keep_incidents(self, *keys: str) -> list[Statement]:
        """Lets an identity list incidents and put these objects of them down, once; nobody takes them away again."""
        return [*self._store.may_list(*keys), *self._store.may_put(*keys)]

    def may_read_incidents(self, *keys: str) -> list[Statement]:
        """Lets an identity list and read these objects of incidents."""
        return self._store.may_read(*keys)

    def may_look_up(self) -> list[Statement]:
        """Lets an identity see which bundles there are, and the hashes of their manifests."""
        return self._store.may_read(f"{evidence.INDEX}/*")

    def _makes_sealer(self, key_arn: pulumi.Output[str]) -> aws.lambda_.Function:
        """The function that signs manifests, under the registry's role that alone signs."""
        says = f"{self.context.owner}: seals evidence"
        group = aws.cloudwatch.LogGroup(
            self.named("sealer-logs"),
            name=self.physical("log-group", "sealer"),
            retention_in_days=LOG_DAYS,
            kms_key_id=key_arn,
            opts=self.options(),
        )
        sealer = Worker(self._registry.signer, group)
        sealer.role.allow(self, "seal", [sealer.logs])
        return function(
            self,
            "sealer",
            worker=sealer,
            says=says,
            files=bundle({"seal.py": _text("seal.py")}, releasing, evidence),
            handler="seal.handler",
            seconds=30,
            memory_mib=_MEMORY_MIB,
            settings={"SIGNING_KEY": self._registry.signing_key_arn},
            key_arn=key_arn,
        )

    def _hears(self, audit: AuditLike) -> None:
        heard = pattern([Approved], teams=[self.context.owner], decision=["approved"])
        rule = aws.cloudwatch.EventRule(
            self.named("releases"),
            name=self.physical("event-rule", "releases"),
            description=f"A version of {self.context.owner} was released",
            event_bus_name=audit.bus_name,
            event_pattern=json.dumps(heard, sort_keys=True, separators=(",", ":")),
            opts=self.options(),
        )
        woken(self, "releases", rule, self.function, target_id="evidence", bus=audit.bus_name, retries=FOR_A_DAY)

    def _tells(self, notices: Notices) -> None:
        """Who answers for a model hears of a release whose evidence isn't written."""
        owners = sorted({model.owner for model in self._registry.spec.models.values()})
        for owner in owners:
            notices.alarm(
                f"unwritten-{short_hash(owner)}",
                owner,
                metric=("AWS/Lambda", "Errors"),
                dimensions={"FunctionName": self.function.name},
                statistic="Sum",
                above=0,
                says=f"The evidence of a release of {self.context.owner} could not be written",
            )

    def _says_of_the_stack(self, infrastructure: Mapping[str, pulumi.Input[Any]]) -> None:
        """What the deployment says, and what the stack exports once the program has said all."""
        self._says("infrastructure", evidence.INFRASTRUCTURE, {"outputs": exports(), **infrastructure})

    def _says(self, role: str, key: str, said: Mapping[str, pulumi.Input[Any]]) -> None:
        """A document of the deployment's. It stays when the deployment says it no more: a bundle may speak of it."""
        aws.s3.BucketObjectv2(
            self.named(role),
            bucket=self._store.name,
            key=key,
            content=pulumi.Output.json_dumps(said, sort_keys=True),
            content_type="application/json",
            opts=self.options(depends_on=list(self._store.fenced), retain_on_delete=True),
        )

    def _known(self, models: Sequence[str] | None) -> list[str]:
        """The names sorted, absent all of them. Raises `InputError` with every one that the registry hasn't."""
        known = self._registry.spec.models
        chosen = sorted(known if models is None else set(models))
        faults = [
            Fault(
                "is no model of the registry",
                f"Name one of {', '.join(sorted(known)) or 'none'}.",
                self.written,
                model,
            )
            for model in chosen
            if model not in known
        ]
        if faults:
            raise InputError(*faults)
        return chosen


def sources(declared: Mapping[str, Any]) -> dict[str, str]:
    """The files of the function that writes, by path: its own text, the rules', the page's, and the declared models."""
    files = {"function.py": _text("function.py"), "models.json": json.dumps(declared, sort_keys=True)}
    return bundle(files, releasing, stored, evidence, page)


def _text(file: str) -> str:
    return Path(__file__).with_name(file).read_text("utf-8")
