"""Where a provider's calls may go: a loopback endpoint with the sandbox's own credentials, and nowhere else."""

from __future__ import annotations

import ipaddress
import json
import os
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from modelyard_sandbox.plugins.answers import ConfigurationRefused

CREDENTIAL: Final = "sandbox"
ACCESS_KEYS: Final = (CREDENTIAL, "123456789012")
"""The sandbox's access keys; LocalStack takes the account's number for one. AWS gives out none of this form."""
START: Final = 'start the sandbox and take its environment: eval "$(yard sandbox env)"'

judging: ContextVar[bool] = ContextVar("judging", default=False)
"""Whether calls are made to find a reason to refuse: AWS knows it by itself, and the real provider doesn't ask."""

_FOREIGN_CONFIGURATION: Final = (
    "profile",
    "sharedConfigFiles",
    "sharedCredentialsFiles",
    "assumeRoleWithWebIdentity",
    "ec2MetadataServiceEndpoint",
    "httpProxy",
    "httpsProxy",
    "useFipsEndpoint",
    "useDualstackEndpoint",
)
_FOREIGN_ENVIRONMENT: Final = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine by its own words: `localhost`, 127.0.0.0/8 or ::1."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https"):
            return False
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def decoded(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Configuration values, of which all but texts arrive as JSON texts."""
    result: dict[str, Any] = {}
    for key, value in variables.items():
        name = key.rpartition(":")[2]
        if isinstance(value, str) and value[:1] in ("[", "{"):
            try:
                value = json.loads(value)
            except ValueError:
                value = str(value)
        result[name] = value
    return result


def _set(value: Any) -> bool:
    return value not in (None, "", [], {}, False, "false")


def faults(configuration: Mapping[str, Any], environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Everything about a provider's configuration and environment that is not the sandbox's."""
    found: list[tuple[str, str]] = []
    for key in _FOREIGN_CONFIGURATION:
        if _set(configuration.get(key)):
            found.append((key, "the sandbox takes no credentials and no route but its own; remove it"))
    for key in _FOREIGN_ENVIRONMENT:
        if environment.get(key):
            found.append((key, f"is set in the environment; {START}"))
    urls = endpoint_urls(configuration, environment)
    if "" not in urls:
        found.append(("endpoints", f"no endpoint for every service (AWS_ENDPOINT_URL); {START}"))
    for service, url in urls.items():
        if not is_loopback(url):
            where = f"endpoint of {service}" if service else "endpoint"
            found.append(("endpoints", f"{where} {url!r} is not on this machine; the sandbox goes nowhere else"))
    for key, given, known in (
        ("accessKey", _access_key(configuration, environment), ACCESS_KEYS),
        ("secretKey", configuration.get("secretKey") or environment.get("AWS_SECRET_ACCESS_KEY"), (CREDENTIAL,)),
    ):
        if given not in known:
            found.append((key, f"is not the sandbox's; {START}"))
    if _set(configuration.get("token")):
        found.append(("token", "the sandbox's credentials have no session token; remove it"))
    return found


def _access_key(configuration: Mapping[str, Any], environment: Mapping[str, str]) -> Any:
    return configuration.get("accessKey") or environment.get("AWS_ACCESS_KEY_ID")


def endpoint_urls(configuration: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """Endpoints by service; the empty service is the one for all."""
    urls: dict[str, str] = {}
    for key, value in environment.items():
        if key == "AWS_ENDPOINT_URL" and value:
            urls[""] = value
        elif key.startswith("AWS_ENDPOINT_URL_") and value:
            urls[key.removeprefix("AWS_ENDPOINT_URL_").lower().replace("_", "-")] = value
    given = configuration.get("endpoints") or []
    for entry in given if isinstance(given, list) else [given]:
        if not isinstance(entry, Mapping):
            urls["?"] = str(entry)
            continue
        urls.update({str(service): str(url) for service, url in entry.items() if url})
    return urls


class SandboxSession:
    """Clients for one provider: explicit endpoint and credentials; environment, files and proxies are ignored.

    `refusing` a configuration raises ConfigurationRefused. `assumeRoles` are assumed at the sandbox's own STS.
    """

    def __init__(self, variables: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        configuration = decoded(variables)
        found = faults(configuration, environment)
        if found:
            raise ConfigurationRefused(found)
        self.region = str(
            configuration.get("region") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or ""
        )
        if not self.region:
            raise ConfigurationRefused([("region", "is not set; set aws:region or AWS_REGION")])
        self.partition = "aws"
        self.default_tags = dict((configuration.get("defaultTags") or {}).get("tags") or {})
        self._retries = int(configuration.get("maxRetries") or 5)
        self._urls = endpoint_urls(configuration, environment)
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self._credentials = (_access_key(configuration, environment), CREDENTIAL, None)
        self._session = botocore_session()
        roles = configuration.get("assumeRoles") or configuration.get("assumeRole") or []
        for role in roles if isinstance(roles, list) else [roles]:
            self._assume(role)
        self._account = ""
        allowed = configuration.get("allowedAccountIds") or []
        forbidden = configuration.get("forbiddenAccountIds") or []
        if (allowed and self.account not in allowed) or (forbidden and self.account in forbidden):
            key = "forbiddenAccountIds" if forbidden and self.account in forbidden else "allowedAccountIds"
            raise ConfigurationRefused([(key, f"the account is {self.account}; adapt the list or the credentials")])

    @property
    def account(self) -> str:
        """The account of the provider's credentials, asked once."""
        if not self._account:
            self._account = self.client("sts", self.region).get_caller_identity()["Account"]
        return self._account

    def _assume(self, role: Mapping[str, Any]) -> None:
        answer = self.client("sts", self.region).assume_role(
            RoleArn=role["roleArn"], RoleSessionName=role.get("sessionName") or "modelyard-sandbox"
        )["Credentials"]
        self._credentials = (answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
        self._clients.clear()
        refuse_without(role["roleArn"], self.client("iam", self.region))

    def client(self, service: str, region: str) -> Any:
        """The client of a service in a region; made once, safe between threads."""
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = self._new_client(service, region)
            return self._clients[service, region]

    def _new_client(self, service: str, region: str) -> Any:
        from botocore.config import Config

        key, secret, token = self._credentials
        return self._session.create_client(
            service,
            region_name=region,
            endpoint_url=self._urls.get(service) or self._urls[""],
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(
                retries={"mode": "standard", "max_attempts": self._retries},
                proxies={},
                inject_host_prefix=False,
                ignore_configured_endpoint_urls=True,
                use_fips_endpoint=False,
                use_dualstack_endpoint=False,
                max_pool_connections=16,
                parameter_validation=True,
                s3={"addressing_style": "path"},
            ),
        )


def refuse_without(role: str, iam: Any) -> None:
    """Refuse to be a role that doesn't exist, as AWS does and the emulators don't; `iam` works in the role's account.

    Raises `ConfigurationRefused`.
    """
    asking = judging.set(True)
    try:
        iam.get_role(RoleName=role.rpartition("/")[2])
    except iam.exceptions.NoSuchEntityException:
        reason = f"AccessDenied: the caller is not authorized to perform: sts:AssumeRole on resource: {role}"
        raise ConfigurationRefused([("assumeRoles", f"{reason}; its account has no such role")]) from None
    finally:
        judging.reset(asking)


@cache
def _service_models() -> Any:
    """The reader of botocore's service models, which keeps what it has read; all sessions share it."""
    import botocore.session

    return botocore.session.Session().get_component("data_loader")


def botocore_session() -> Any:
    """A botocore session that knows nothing of the user's files, profile, region and certificates."""
    import botocore.session

    nothing = (None, [], None, None)
    session = botocore.session.Session(
        session_vars={
            "profile": nothing,
            "region": nothing,
            "ca_bundle": nothing,
            "config_file": (None, [], os.devnull, None),
            "credentials_file": (None, [], os.devnull, None),
        }
    )
    session.register_component("data_loader", _service_models())
    return session
