"""Rules on container images, and on the repositories that keep them."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from modelyard.assess.policy.documents import read
from modelyard.assess.policy.examples import Of, part
from modelyard.assess.policy.pulled import RUNS_IMAGES, images
from modelyard.assess.policy.rule import Domain, Rule, Severity, Undecided, Violation
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import BATCH_JOB, REGISTRY_SCANNING, REPOSITORY, REPOSITORY_LIFECYCLE

_DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}")
_OWN: Final = re.compile(r"(\d{12})\.dkr[.-]ecr(-fips)?\.")


def _scans(repository: Subject) -> Iterator[Violation]:
    if repository.get("imageScanningConfiguration.scanOnPush") is True:
        return
    for settings in repository.stack.subjects(REGISTRY_SCANNING):
        for index, _ in enumerate(settings.get("rules", [])):
            frequency = settings.get(f"rules[{index}].scanFrequency")
            filters: list[Any] = settings.get(f"rules[{index}].repositoryFilters", [])
            if frequency != "MANUAL" and any(
                _meant(repository, settings.get(f"rules[{index}].repositoryFilters[{at}].filter"))
                for at, _ in enumerate(filters)
            ):
                return
    yield Violation("takes images and never looks for known weaknesses in them", "imageScanningConfiguration")


def _meant(repository: Subject, pattern: str) -> bool:
    return pattern == "*" or fnmatch.fnmatchcase(str(repository.get("name", "")), pattern)


def _never_moves(repository: Subject) -> Iterator[Violation]:
    mutability = repository.get("imageTagMutability")
    if mutability == "IMMUTABLE":
        return
    if mutability != "IMMUTABLE_WITH_EXCLUSION":
        yield Violation("lets a tag move to another image", "imageTagMutability")
        return
    for index, _ in enumerate(repository.get("imageTagMutabilityExclusionFilters", [])):
        path = f"imageTagMutabilityExclusionFilters[{index}].filter"
        if set(str(repository.get(path, ""))) <= {"*"}:
            yield Violation("lets every tag move: what it leaves out is all there is", path)


def _tidies(repository: Subject) -> Iterator[Violation]:
    for lifecycle in repository.parts(REPOSITORY_LIFECYCLE, "repository"):
        if read(lifecycle, "policy").get("rules"):
            return
    yield Violation("keeps every image for ever")


def _pinned(subject: Subject) -> Iterator[Violation]:
    for path, image in images(subject):
        if not _DIGEST.search(image):
            yield Violation(f"runs {image}, which another image may stand behind tomorrow", path)


def _from_known_places(subject: Subject) -> Iterator[Violation]:
    around = subject.around
    for path, image in images(subject):
        full = _full(image)
        if around.registries:
            known = any(re.match(re.escape(place.rstrip("/")) + r"($|[/:@])", full) for place in around.registries)
        elif not around.account:
            raise Undecided("the account, whose registry images should come from,")
        else:
            own = _OWN.match(full)
            known = own is not None and own[1] == around.account
        if not known:
            yield Violation(f"runs {image}, from a registry that isn't approved", path)


def _full(image: str) -> str:
    """An image's name with its host: without one, Docker's hub is meant."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return image
    return f"docker.io/{image}" if slash else f"docker.io/library/{image}"


_REPOSITORY: Final = part(REPOSITORY, "images", name="train")
_RULES: Final = json.dumps({"rules": [{"rulePriority": 1, "action": {"type": "expire"}}]})
_HERE: Final = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/train"
_PINNED: Final = f"{_HERE}@sha256:{'5f' * 32}"


def _job(image: str) -> Any:
    return part(BATCH_JOB, containerProperties=json.dumps({"image": image, "vcpus": 1}), type="container")


RULES: Final = (
    Rule(
        "ecr-scan",
        Severity.HIGH,
        Domain.REGISTRY,
        "Images are scanned",
        "A weakness that the world knows of is the first that is tried.",
        "Scan on push, or let the registry's scanning configuration cover the repository.",
        (REPOSITORY,),
        _scans,
        bad=(_REPOSITORY,),
        good=(part(REPOSITORY, name="train", imageScanningConfiguration={"scanOnPush": True}),),
        maps=("FSBP ECR.1", "EKS 5.1.1"),
    ),
    Rule(
        "ecr-immutable",
        Severity.MEDIUM,
        Domain.REGISTRY,
        "Tags of images never move",
        "Where a tag may move, nobody can say afterwards what ran.",
        "Make tags immutable. What must move, such as latest, may be left out by name.",
        (REPOSITORY,),
        _never_moves,
        bad=(_REPOSITORY,),
        good=(part(REPOSITORY, name="train", imageTagMutability="IMMUTABLE"),),
        maps=("FSBP ECR.2",),
    ),
    Rule(
        "ecr-lifecycle",
        Severity.LOW,
        Domain.REGISTRY,
        "Repositories of images have a lifecycle",
        "Every build adds gigabytes; old images hold old weaknesses.",
        "Add a lifecycle policy that lets untagged and old images go.",
        (REPOSITORY,),
        _tidies,
        bad=(_REPOSITORY,),
        good=(_REPOSITORY, part(REPOSITORY_LIFECYCLE, "cycle", repository=Of("images"), policy=_RULES)),
        maps=("FSBP ECR.3",),
    ),
    Rule(
        "image-digest-pinned",
        Severity.HIGH,
        Domain.REGISTRY,
        "Images are named by their digest",
        "A tag is a name that somebody may give to another image; a digest is the image.",
        "Name images as NAME@sha256:DIGEST.",
        RUNS_IMAGES,
        _pinned,
        bad=(_job(f"{_HERE}:v3"),),
        good=(_job(_PINNED),),
        maps=("NIST SR-4", "AIA 15"),
    ),
    Rule(
        "approved-registries",
        Severity.HIGH,
        Domain.REGISTRY,
        "Images come from approved registries",
        "Nobody here has looked at an image of a stranger's, and nobody here decides how long it stays.",
        "Copy the image into the account's own registry, or approve where it comes from.",
        RUNS_IMAGES,
        _from_known_places,
        bad=(_job(f"docker.io/somebody/train@sha256:{'5f' * 32}"),),
        good=(_job(_PINNED),),
        maps=("EKS 5.1.4",),
    ),
)
