"""How a program of Pulumi's reaches the API server of a cluster of EKS: as a role, by a token that ends."""

from __future__ import annotations

import pulumi

from modelyard.core.context import Context


def kubeconfig(
    context: Context,
    cluster: str,
    endpoint: pulumi.Input[str],
    certificate: pulumi.Input[str],
    role_arn: pulumi.Input[str],
) -> pulumi.Output[str]:
    """A kubeconfig without a secret: whoever uses it asks AWS for a token of `role_arn` and has to be let.

    `certificate`: of the authority that signed the server's, base64. Source: eks/latest/userguide/create-kubeconfig.
    """
    ask = ["--region", context.region, "eks", "get-token", "--cluster-name", cluster, "--output", "json", "--role-arn"]
    token = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": [*ask, role_arn],
        "interactiveMode": "Never",
    }
    return pulumi.Output.json_dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": cluster, "cluster": {"server": endpoint, "certificate-authority-data": certificate}}],
            "users": [{"name": cluster, "user": {"exec": token}}],
            "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
            "current-context": cluster,
        },
        sort_keys=True,
    )
