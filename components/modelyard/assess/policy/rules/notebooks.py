"""Rules on notebooks: instances of SageMaker, and domains of Studio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from modelyard.assess.policy.examples import part
from modelyard.assess.policy.rule import Domain, Rule, Severity, Violation
from modelyard.assess.policy.rules.checks import equal
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import DOMAIN, NOTEBOOK

_GROUPS: Final = "defaultUserSettings.securityGroups"
_DISABLED: Final = ("directInternetAccess", "Disabled")
_METADATA: Final = "instanceMetadataServiceConfiguration.minimumInstanceMetadataServiceVersion"


def _no_way_out(subject: Subject) -> Iterator[Violation]:
    path, wanted = ("appNetworkAccessType", "VpcOnly") if subject.node.type == DOMAIN else _DISABLED
    if subject.get(path) != wanted:
        yield Violation("reaches the internet around the network", path)


def _in_network(subject: Subject) -> Iterator[Violation]:
    if subject.node.type == DOMAIN:
        if not subject.says(_GROUPS):
            yield Violation("gives its apps no security group", _GROUPS)
    elif not subject.says("subnetId"):
        yield Violation("runs outside of the network", "subnetId")


RULES: Final = (
    Rule(
        "notebook-no-internet",
        Severity.HIGH,
        Domain.TRAINING,
        "Notebooks reach the internet through the network alone",
        "A direct way out passes by every firewall and every log, and takes data with it.",
        "Disable direct internet access; make a domain VpcOnly.",
        (DOMAIN, NOTEBOOK),
        _no_way_out,
        bad=(part(NOTEBOOK, directInternetAccess="Enabled"), part(DOMAIN, "studio", domainName="d")),
        good=(
            part(NOTEBOOK, directInternetAccess="Disabled"),
            part(DOMAIN, "studio", domainName="d", appNetworkAccessType="VpcOnly"),
        ),
        maps=("FSBP SageMaker.1",),
    ),
    Rule(
        "notebook-vpc",
        Severity.HIGH,
        Domain.TRAINING,
        "Notebooks stand inside the network",
        "There, security groups say what they reach, and flow logs what they did.",
        "Place the instance in a private subnet; name security groups in a domain's default settings.",
        (DOMAIN, NOTEBOOK),
        _in_network,
        bad=(part(NOTEBOOK, instanceType="ml.t3.medium"),),
        good=(
            part(NOTEBOOK, instanceType="ml.t3.medium", subnetId="subnet-1"),
            part(DOMAIN, "studio", defaultUserSettings={"securityGroups": ["sg-1"]}),
        ),
        maps=("FSBP SageMaker.2",),
    ),
    Rule(
        "notebook-no-root",
        Severity.HIGH,
        Domain.TRAINING,
        "Nobody is root on a notebook",
        "Root turns off what watches the machine, and reads the credentials of whoever uses it next.",
        "Disable root access.",
        (NOTEBOOK,),
        equal("rootAccess", "Disabled", "makes its user root"),
        bad=(part(NOTEBOOK, instanceType="ml.t3.medium"),),
        good=(part(NOTEBOOK, instanceType="ml.t3.medium", rootAccess="Disabled"),),
        maps=("FSBP SageMaker.3",),
    ),
    Rule(
        "notebook-imdsv2",
        Severity.MEDIUM,
        Domain.TRAINING,
        "Notebooks give credentials to those who ask twice",
        "The first version answers any request, also one that a page made the notebook send.",
        "Ask for version 2 of the instance metadata service.",
        (NOTEBOOK,),
        equal(_METADATA, "2", "answers requests for credentials in the old way"),
        bad=(part(NOTEBOOK, instanceType="ml.t3.medium"),),
        good=(part(NOTEBOOK, instanceMetadataServiceConfiguration={"minimumInstanceMetadataServiceVersion": "2"}),),
        maps=("CKV_AWS_371",),
    ),
)
