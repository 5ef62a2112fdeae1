"""CI systems that AWS believes: their providers in an account, and the trust of roles that their runs may assume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.core.access import Statement, trust_federated
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.contract import CiContract
from modelyard.core.errors import Fault, SpecError
from modelyard.foundation.tenancy.federation_spec import CiRun, CiSpec, GitHubCi, GitLabCi


def ci_contract(spec: CiSpec) -> dict[str, CiContract]:
    """What teams' stacks need to know of the CI systems, by kind."""
    found: dict[str, CiContract] = {}
    for kind in ("github", "gitlab", "jenkins"):
        system = getattr(spec, kind)
        if system is not None:
            if isinstance(system, GitHubCi):
                below = tuple(f"{owner}/" for owner in system.owners)
            elif isinstance(system, GitLabCi):
                below = tuple(f"{group}/" for group in system.groups)
            else:
                below = tuple(system.folders)
            found[kind] = CiContract(issuer=system.issuer, audience=system.audience, below=below)
    return found


def trust_runs(context: Context, systems: Mapping[str, CiContract], runs: Sequence[CiRun]) -> list[Statement]:
    """Who may assume a role of the context's account: these runs, exactly as named, and no others.

    Raises `SpecError` with every run whose system the platform doesn't trust, or whose place it doesn't leave to teams.
    """
    faults: list[Fault] = []
    subjects: dict[tuple[str, bool], list[str]] = {}
    for run in runs:
        system = systems.get(run.kind)
        if system is None:
            known = ", ".join(sorted(systems)) or "none"
            faults.append(
                run.fault(
                    "kind",
                    f"is a CI system that the platform doesn't trust; it trusts: {known}",
                    f'Add "ci: {{{run.kind}: …}}" to the platform\'s file.',
                    run.kind,
                )
            )
        elif not run.place.startswith(system.below):
            remedy = f"Take one below {', '.join(system.below)}, or let the platform's file name more."
            faults.append(run.fault("", "lies where the platform lets no team name runs", remedy, run.place))
        else:
            subjects.setdefault((run.kind, run.is_pattern), []).append(run.subject)
    if faults:
        raise SpecError(*faults)
    return [
        trust_federated(context, systems[kind].issuer, systems[kind].audience, subjects=found)
        for (kind, _), found in subjects.items()
    ]


def wildcards(runs: Sequence[CiRun]) -> list[str]:
    """What to report of runs that hold wildcards: each with its reason."""
    return [f"{run.subject}: {run.wildcard_because}" for run in runs if run.is_pattern]


class CiFederation(Component):
    """The OpenID Connect providers of the CI systems that an account trusts; once for each account.

    No role trusts a provider by itself: each names the runs that may assume it.
    """

    CAPABILITY = "tenancy"

    def __init__(
        self,
        name: str,
        spec: CiSpec,
        *,
        context: Context,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.systems = ci_contract(spec)
        for kind in self.systems:
            system: Any = getattr(spec, kind)
            if not system.exists:
                aws.iam.OpenIdConnectProvider(
                    self.written_at(kind, system.source()),
                    url=system.issuer,
                    client_id_lists=[system.audience],
                    thumbprint_lists=list(system.thumbprints) or None,
                    opts=self.options(),
                )
        self.register_outputs({"systems": sorted(self.systems)})

    def trust(self, runs: Sequence[CiRun]) -> list[Statement]:
        """Who may assume a role of this account: these runs, exactly as named, and no others."""
        return trust_runs(self.context, self.systems, runs)
