"""The public door of a private endpoint: API Gateway before SageMaker's runtime, and a firewall before both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Grantee, Principal, Statement, address, identity_of
from modelyard.core.addresses import DoorAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import AccessError, Fault
from modelyard.core.functions import function, function_arn, worker
from modelyard.core.identity import Role
from modelyard.foundation.keys import KeysLike
from modelyard.run.serving import door_firewall
from modelyard.run.serving.door_definition import LOGGED, METHOD, PATH, STAGE, definition
from modelyard.run.serving.door_spec import DoorSpec, IamCallers, TokenIssuer

SERVICE: Final = "apigateway.amazonaws.com"
INVOKE: Final = ("execute-api:Invoke",)
SECURITY: Final = "SecurityPolicy_TLS13_1_2_2021_06"
"""TLS 1.2 and 1.3 (apigateway/latest/developerguide/apigateway-security-policies-list)."""
_THIS_API: Final = "execute-api:"
"""In a definition, the API itself (apigateway/latest/developerguide/openapi-extensions-policy)."""
_AUTHORIZER: Final = "authorizer"
_SECONDS: Final = 10
_MEMORY_MIB: Final = 256


class Invocable(Protocol):
    """An endpoint of SageMaker that answers at once."""

    @property
    def endpoint_name(self) -> pulumi.Input[str]:
        """The endpoint's name."""
        ...

    @property
    def arn(self) -> pulumi.Input[str]:
        """The endpoint's ARN."""
        ...


@dataclass(frozen=True, slots=True)
class KnownEndpoint:
    """An endpoint that somebody else made."""

    endpoint_name: pulumi.Input[str]
    arn: pulumi.Input[str]

    @staticmethod
    def named(name: str, context: Context) -> KnownEndpoint:
        """The endpoint of this name in the context's account and region."""
        return KnownEndpoint(name, context.arn("sagemaker", f"endpoint/{name}"))


class PublicDoor(Component):
    """One POST method that leads to one endpoint: authorized, validated, throttled, of a bounded size, behind WAF.

    `endpoint`: what is behind it. `url` is where callers post. The account must let API Gateway write logs, once for
    all doors: `DoorAccount`.
    """

    CAPABILITY = "serving"

    def __init__(
        self,
        name: str,
        spec: DoorSpec,
        *,
        context: Context,
        keys: KeysLike,
        endpoint: Invocable,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self._kind = spec.authorization
        key_arn = keys.arn("logs")
        self.role = Role(
            self.named("caller"),
            context=context,
            trusted=[Statement(("sts:AssumeRole",), (), principal=Principal.service(SERVICE))],
            description=f"Invokes what is behind the door {name}",
            opts=self.options(),
            written=self.written,
        )
        may_invoke = aws.iam.RolePolicy(
            self.named("caller-work"),
            name="work",
            role=self.role.role_name,
            policy=access.policy_json([Statement(("sagemaker:InvokeEndpoint",), (endpoint.arn,))]),
            opts=self.options(),
        )
        body = self._body(spec, endpoint)
        self.api = aws.apigateway.RestApi(
            self.named("api"),
            name=self.physical("rest-api"),
            description=f"The public door {name} of {context.owner}",
            body=body,
            put_rest_api_mode="overwrite",
            endpoint_configuration={"types": "REGIONAL"},
            security_policy=SECURITY,
            endpoint_access_mode="STRICT",
            opts=self.options(),
        )
        policy = self._policy(spec.authorization)
        guards: list[pulumi.Resource] = [may_invoke, policy]
        if isinstance(spec.authorization, TokenIssuer):
            guards.append(self._authorizer(spec.authorization, key_arn))
        deployment = aws.apigateway.Deployment(
            self.named("deployment"),
            rest_api=self.api.id,
            triggers={"definition": body.apply(_digest)},
            opts=self.options(depends_on=guards),
        )
        self._stage(spec, deployment, key_arn)
        host = (
            f"execute-api.{context.region}.{'amazonaws.com.cn' if context.partition == 'aws-cn' else 'amazonaws.com'}"
        )
        self.url: pulumi.Output[str] = pulumi.Output.concat("https://", self.api.id, f".{host}/{STAGE}{PATH}")
        self.method_arn: pulumi.Output[str] = pulumi.Output.concat(self.api.execution_arn, f"/{STAGE}/{METHOD}{PATH}")
        self.api_name: pulumi.Output[str] = self.api.name
        """The dimension `ApiName` of its metrics in `AWS/ApiGateway`."""
        self.register_outputs({"url": self.url})

    def grant_call(self, grantee: Grantee) -> None:
        """Let `grantee` call this method of this stage alone, and tell it where.

        A role beyond the team's path must also stand in `authorization.callers`. Raises `AccessError` where callers
        bear tokens: those are the issuer's to give.
        """
        if not isinstance(self._kind, IamCallers):
            raise AccessError(
                Fault(
                    f"callers of {self.component} bear tokens; a role can't be granted the call",
                    "Have the issuer give tokens for this audience, or use authorization of kind iam.",
                    self.written.at("authorization.kind"),
                    "jwt",
                )
            )
        identity_of(grantee).allow(
            self,
            "call",
            [Statement(INVOKE, (self.method_arn,))],
            [address(DoorAddress, name=self.component, url=self.url, region=self.context.region)],
        )

    def _body(self, spec: DoorSpec, endpoint: Invocable) -> pulumi.Output[str]:
        gateway = f"arn:{self.context.partition}:apigateway:{self.context.region}"
        asks = f"{gateway}:lambda:path/2015-03-31/functions/{function_arn(self, _AUTHORIZER)}/invocations"
        said = definition(
            spec,
            title=self.physical("rest-api"),
            uri=pulumi.Output.concat(
                f"{gateway}:runtime.sagemaker:path/endpoints/", endpoint.endpoint_name, "/invocations"
            ),
            role_arn=self.role.arn,
            authorizer_uri=asks,
            policy=access.policy(self._statements(spec.authorization)),
        )
        return pulumi.Output.json_dumps(said, sort_keys=True, separators=(",", ":"))

    def _statements(
        self, authorization: IamCallers | TokenIssuer, api: pulumi.Input[str] = _THIS_API
    ) -> list[Statement]:
        """Of roles nobody but the team's, which need a grant too, and the named ones, who get it here.

        Source: apigateway/latest/developerguide/apigateway-authorization-flow.
        """
        everything = (pulumi.Output.concat(api, "/*"),)
        everyone, plain = Principal.everyone(), {"Bool": {"aws:SecureTransport": "false"}}
        statements = [Statement(INVOKE, everything, plain, "Deny", everyone, "NoPlainText")]
        if isinstance(authorization, IamCallers):
            own = f"arn:{self.context.partition}:iam::{self.context.account}:role{self.context.names.path}*"
            strangers = {"ArnNotLike": {"aws:PrincipalArn": [own, *authorization.callers]}}
            statements.append(Statement(INVOKE, everything, strangers, "Deny", everyone, "NoStrangers"))
            if authorization.callers:
                method = pulumi.Output.concat(api, f"/{STAGE}/{METHOD}{PATH}")
                named = Principal.roles(*authorization.callers)
                statements.append(Statement(INVOKE, (method,), principal=named, sid="NamedCallers"))
        return statements

    def _policy(self, authorization: IamCallers | TokenIssuer) -> aws.apigateway.RestApiPolicy:
        """What the definition says too: a definition without a policy takes the API's away, and a policy that is in
        the definition alone isn't read back, so nobody would find it opened by hand."""
        return aws.apigateway.RestApiPolicy(
            self.named("policy"),
            rest_api_id=self.api.id,
            policy=access.policy_json(self._statements(authorization, self.api.execution_arn)),
            opts=self.options(),
        )

    def _authorizer(self, issuer: TokenIssuer, key_arn: pulumi.Output[str]) -> aws.lambda_.Permission:
        made = worker(self, _AUTHORIZER, says=f"Looks at the tokens of {self.component}'s callers", key_arn=key_arn)
        made.role.allow(self, _AUTHORIZER, [made.logs])
        file = f"door_{_AUTHORIZER}.py"
        work = function(
            self,
            _AUTHORIZER,
            worker=made,
            says=f"{self.context.owner}: looks at the tokens of {self.component}'s callers",
            files={file: Path(__file__).with_name(file).read_text("utf-8")},
            handler=f"door_{_AUTHORIZER}.handler",
            seconds=_SECONDS,
            memory_mib=_MEMORY_MIB,
            settings={
                "AUDIENCES": json.dumps(issuer.audiences),
                "ISSUER": issuer.issuer,
                "JWKS_URI": issuer.jwks_uri or "",
                "SCOPES": json.dumps(issuer.scopes),
            },
            key_arn=key_arn,
        )
        return aws.lambda_.Permission(
            self.named("asks"),
            function=work.name,
            action="lambda:InvokeFunction",
            principal=SERVICE,
            source_account=self.context.account,
            source_arn=pulumi.Output.concat(self.api.execution_arn, "/authorizers/*"),
            opts=self.options(),
        )

    def _stage(self, spec: DoorSpec, deployment: aws.apigateway.Deployment, key_arn: pulumi.Output[str]) -> None:
        log = aws.cloudwatch.LogGroup(
            self.named("log"),
            name=self.physical("log-group", "access"),
            retention_in_days=spec.log_days,
            kms_key_id=key_arn,
            opts=self.options(),
        )
        stage = aws.apigateway.Stage(
            self.named("stage"),
            rest_api=self.api.id,
            deployment=deployment.id,
            stage_name=STAGE,
            access_log_settings={"destination_arn": log.arn, "format": json.dumps(LOGGED)},
            opts=self.options(),
        )
        aws.apigateway.MethodSettings(
            self.named("limits"),
            rest_api=self.api.id,
            stage_name=stage.stage_name,
            method_path="*/*",
            settings={
                "throttling_rate_limit": spec.throttle.rate,
                "throttling_burst_limit": spec.throttle.burst,
                "metrics_enabled": True,
                "caching_enabled": False,
                "logging_level": "OFF",
                "data_trace_enabled": False,
            },
            opts=self.options(),
        )
        metric = self.physical("web-acl")
        firewall = aws.wafv2.WebAcl(
            self.named("firewall"),
            name=metric,
            scope="REGIONAL",
            description=f"Before the door {self.component} of {self.context.owner}",
            default_action={"allow": {}},
            rules=door_firewall.rules(spec, metric),  # pyright: ignore[reportArgumentType]
            association_config=door_firewall.inspected(spec),  # pyright: ignore[reportArgumentType]
            visibility_config=door_firewall.seen(metric),  # pyright: ignore[reportArgumentType]
            opts=self.options(),
        )
        aws.wafv2.WebAclAssociation(
            self.named("firewall-stands"),
            resource_arn=stage.arn,
            web_acl_arn=firewall.arn,
            opts=self.options(delete_before_replace=True),
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
