"""Rules on the databases that keep what a registry or a tracking server knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from modelyard.assess.policy.examples import Part, part
from modelyard.assess.policy.rule import Domain, Rule, Severity, Violation
from modelyard.assess.policy.rules.checks import true
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import DATABASE, DATABASE_CLUSTER, DATABASE_CLUSTER_INSTANCE

_BOTH: Final = (DATABASE, DATABASE_CLUSTER)


def _private(database: Subject) -> Iterator[Violation]:
    if database.get("publiclyAccessible", False) is not False:
        yield Violation("has an address that the internet reaches", "publiclyAccessible")


def _encrypted(database: Subject) -> Iterator[Violation]:
    if database.get("storageEncrypted") is not True and database.get("engineMode") != "serverless":
        yield Violation("lies on disks in plain text", "storageEncrypted")


def _two_zones(database: Subject) -> Iterator[Violation]:
    if not database.around.production or database.says("replicateSourceDb"):
        return
    if database.node.type == DATABASE:
        if database.get("multiAz") is not True:
            yield Violation("is gone when its zone is", "multiAz")
    elif (
        not database.says("dbClusterInstanceClass")
        and database.get("engineMode") != "serverless"
        and len(database.parts(DATABASE_CLUSTER_INSTANCE, "clusterIdentifier")) < 2
    ):
        yield Violation("has fewer than two instances, so that it is gone when a zone is")


def _of(**properties: Any) -> Part:
    return part(DATABASE, instanceClass="db.t4g.small", engine="postgres", **properties)


RULES: Final = (
    Rule(
        "registry-db-private",
        Severity.CRITICAL,
        Domain.REGISTRY,
        "Databases have no public address",
        "A registry's database says which model serves; from the internet everybody may try passwords.",
        "Turn public access off, and put the database into private subnets.",
        (DATABASE, DATABASE_CLUSTER, DATABASE_CLUSTER_INSTANCE),
        _private,
        bad=(_of(publiclyAccessible=True),),
        good=(_of(publiclyAccessible=False),),
        maps=("FSBP RDS.2",),
    ),
    Rule(
        "registry-db-encrypted",
        Severity.HIGH,
        Domain.REGISTRY,
        "Databases are encrypted at rest",
        "A snapshot is a file, and is shared in a minute.",
        "Encrypt the storage. Of a database that stands, restore an encrypted copy of a snapshot.",
        _BOTH,
        _encrypted,
        bad=(_of(),),
        good=(_of(storageEncrypted=True),),
        maps=("FSBP RDS.3", "CIS 2.2.1"),
    ),
    Rule(
        "registry-db-multi-az",
        Severity.MEDIUM,
        Domain.REGISTRY,
        "Databases of production stand in two zones",
        "Without its database a registry can't say which version is approved, and nothing is released. "
        "Replicas that are only read are left out.",
        "Enable multi-AZ, or give a cluster a second instance.",
        _BOTH,
        _two_zones,
        bad=(_of(multiAz=False),),
        good=(_of(multiAz=True),),
        maps=("FSBP RDS.5",),
    ),
    Rule(
        "registry-db-deletion-protection",
        Severity.MEDIUM,
        Domain.REGISTRY,
        "Databases are protected from deletion",
        "What was trained on what is written there, and nowhere else.",
        "Enable deletion protection.",
        _BOTH,
        true("deletionProtection", "can be deleted by mistake"),
        bad=(_of(deletionProtection=False),),
        good=(_of(deletionProtection=True),),
        maps=("FSBP RDS.8",),
    ),
    Rule(
        "registry-db-iam-auth",
        Severity.MEDIUM,
        Domain.REGISTRY,
        "Databases are entered by tokens of IAM",
        "A password stays valid until somebody changes it; a token does for a quarter of an hour.",
        "Enable IAM database authentication.",
        _BOTH,
        true("iamDatabaseAuthenticationEnabled", "is entered by passwords alone"),
        bad=(_of(),),
        good=(_of(iamDatabaseAuthenticationEnabled=True),),
        maps=("FSBP RDS.10",),
    ),
)
