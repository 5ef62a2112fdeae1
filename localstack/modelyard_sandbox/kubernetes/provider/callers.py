"""Who calls the API server of a cluster of EKS: the caller's role, looked up among the cluster's access entries.

Source: docs.aws.amazon.com/eks/latest/userguide/access-entries.html.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

from modelyard_sandbox.aws.session import SandboxSession, judging
from modelyard_sandbox.kubernetes.provider.api import Caller
from modelyard_sandbox.kubernetes.provider.cluster import ClusterError
from modelyard_sandbox.kubernetes.provider.kubeconfig import EksToken
from modelyard_sandbox.plugins.answers import ConfigurationRefused

SESSION: Final = "EKSGetTokenAuth"
"""How `aws eks get-token` calls its session when it assumes a role."""
_ADMINISTRATOR: Final = "AmazonEKSClusterAdminPolicy"
_MASTERS: Final = "system:masters"


class EksCaller:
    """The caller of a token for a cluster of EKS in the sandbox's AWS.

    Raises `ConfigurationRefused` where that cluster doesn't exist, isn't at `endpoint`, or shows another certificate,
    and where the role can't be assumed. Who calls is only asked when somebody calls, and remembered once let in.
    """

    def __init__(self, token: EksToken, environment: Mapping[str, str], endpoint: str, authority: str) -> None:
        self._token = token
        self._lock = threading.Lock()
        self._let: Caller | None = None
        self._own = SandboxSession({"region": token.region}, environment)
        self._cluster = self._described()
        if endpoint != self._cluster["endpoint"]:
            raise _refused(f"leads to {endpoint}; cluster {token.cluster} is at {self._cluster['endpoint']}")
        if authority != self._cluster["certificateAuthority"]["data"]:
            raise _refused(
                f"certificate-authority-data isn't what cluster {token.cluster} shows: it wouldn't be trusted"
            )
        assumed = {"assumeRoles": [{"roleArn": token.role, "sessionName": SESSION}]} if token.role else {}
        self._caller = SandboxSession({"region": token.region, **assumed}, environment)

    def __call__(self) -> Caller:
        """Who calls, as EKS tells the API server. Raises `ClusterError` for somebody without an access entry."""
        with self._lock:
            if self._let is None:
                self._let = self._looked_up()
            return self._let

    def _described(self) -> dict[str, Any]:
        name, region = self._token.cluster, self._token.region
        eks = self._own.client("eks", region)
        try:
            return _asked(eks.describe_cluster, name=name)["cluster"]
        except eks.exceptions.ResourceNotFoundException:
            raise _refused(f"names cluster {name}, which isn't in {region} of the sandbox's AWS") from None

    def _looked_up(self) -> Caller:
        name, eks = self._token.cluster, self._own.client("eks", self._token.region)
        identity = _asked(self._caller.client("sts", self._token.region).get_caller_identity)["Arn"]
        try:
            entries = _asked(eks.list_access_entries, clusterName=name, maxResults=100)["accessEntries"]
        except eks.exceptions.InvalidRequestException:
            raise _unauthorized(identity, f"cluster {name} takes no access entries") from None
        principal = self._token.role or _principal(identity, entries)
        if principal not in entries:
            raise _unauthorized(principal, f"cluster {name} has no access entry for it")
        entry = _asked(eks.describe_access_entry, clusterName=name, principalArn=principal)["accessEntry"]
        if entry["type"] != "STANDARD":
            raise _unauthorized(principal, f"its access entry is {entry['type']}; the sandbox knows STANDARD ones")
        session = SESSION if self._token.role else identity.rpartition("/")[2]
        user = entry["username"].replace("{{SessionName}}", session).replace("{{SessionNameRaw}}", session)
        return Caller(user, [*entry["kubernetesGroups"], *self._groups(eks, principal)])

    def _groups(self, eks: Any, principal: str) -> list[str]:
        """What AWS's own access policies let a caller do, as groups."""
        asked = {"clusterName": self._token.cluster, "principalArn": principal}
        groups = []
        for policy in _asked(eks.list_associated_access_policies, **asked)["associatedAccessPolicies"]:
            name, scope = policy["policyArn"].rpartition("/")[2], policy["accessScope"]["type"]
            if name != _ADMINISTRATOR or scope != "cluster":
                raise ClusterError(
                    403,
                    "Forbidden",
                    f"{principal} has {name} for a {scope}, which the sandbox doesn't know; it knows {_ADMINISTRATOR} "
                    "for a cluster, and groups of access entries that roles in the cluster are bound to",
                )
            groups.append(_MASTERS)
        return groups


def _principal(identity: str, entries: list[str]) -> str:
    """The role (with its path, which a session doesn't tell) or the user that an identity is."""
    if ":assumed-role/" not in identity:
        return identity.replace(":sts::", ":iam::")
    start, _, rest = identity.partition(":assumed-role/")
    account, role = start.rpartition(":")[2], rest.partition("/")[0]
    fits = [entry for entry in entries if entry.split(":")[4] == account and entry.endswith(f"/{role}")]
    return fits[0] if fits else f"{start.replace(':sts:', ':iam:')}:role/{role}"


def _asked(operation: Any, **arguments: Any) -> Any:
    """An answer of the emulator's to a question that AWS wouldn't be asked."""
    token = judging.set(True)
    try:
        return operation(**arguments)
    finally:
        judging.reset(token)


def _refused(reason: str) -> ConfigurationRefused:
    return ConfigurationRefused([("kubeconfig", reason)])


def _unauthorized(principal: str, why: str) -> ClusterError:
    return ClusterError(401, "Unauthorized", f"{principal} isn't let in: {why}")
