"""What stands behind an endpoint under `release: loop`: the loop's champion, and the shape that was deployed last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pulumi
import pulumi_aws as aws
from pydantic import BaseModel, ValidationError

from modelyard.core.champions import Champion, Shape, champion_parameter, shape_parameter
from modelyard.core.component import Component
from modelyard.core.errors import InputError
from modelyard.run.serving.spec import DeclaredRelease, EndpointSpec

ASSUMED: Final = 1
"""The version that a recording, which asks nothing live, takes for the champion: the first."""

_Record = TypeVar("_Record", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Standing:
    """Which version is to serve, and the last deployed shape. No version: nothing serves yet."""

    version: int | None
    shape: Shape | None = None

    def base(self, shape_hash: str) -> int | None:
        """The version with which this shape is deployed: that of its first deployment, as long as it is the same.

        What the loop promoted meanwhile is no change then; another shape comes with the loop's champion.
        """
        unchanged = self.shape is not None and self.shape.hash == shape_hash
        return self.shape.base_version if unchanged and self.shape and self.version else self.version


def standing(endpoint: Component, spec: EndpointSpec) -> Standing:
    """What is to serve; under the loop, as its records say at this moment, which a preview asks, too.

    The program waits for them, so that resources never come to be inside `apply`. Raises `InputError` where the
    champion is of another model, where its record is gone though an endpoint serves, or where nobody can read one.
    """
    if isinstance(spec.release, DeclaredRelease):
        return Standing(spec.release.version)
    names = endpoint.context.names
    place, shape_place = (of(names, endpoint.component) for of in (champion_parameter, shape_parameter))
    found, shapes = (_parameters(endpoint, each.rpartition("/")[0]) for each in (place, shape_place))
    if found is None or shapes is None:
        return Standing(spec.release.first or ASSUMED)
    shape = _read(spec, Shape, shape_place, shapes[shape_place]) if shape_place in shapes else None
    if place in found:
        champion = _read(spec, Champion, place, found[place])
        if champion.model != spec.model:
            problem = f"but the loop's champion is a version of {champion.model} ({place})"
            raise InputError(
                spec.fault("model", problem, "Give an endpoint of another model another name.", spec.model)
            )
        return Standing(champion.version, shape)
    if shape is not None and spec.release.first is None:
        problem = f"has no champion in {place}, though version {shape.base_version} serves and would be taken away"
        remedy = f'Put an earlier value of the parameter back, or say "first: {shape.base_version}".'
        raise InputError(spec.fault("release.kind", problem, remedy, "loop"))
    return Standing(spec.release.first, shape)


def _read(spec: EndpointSpec, kind: type[_Record], place: str, text: str) -> _Record:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        problem = f"finds a record that nobody can read in {place} ({where}: {first['msg']})"
        remedy = "Upgrade modelyard if a newer one wrote it, or put an earlier value of the parameter back."
        raise InputError(spec.fault("release.kind", problem, remedy, spec.release.kind)) from None


def _parameters(endpoint: Component, path: str) -> dict[str, str] | None:
    """The parameters directly below a path; None where nobody can know them, as in a recording."""
    answer = aws.ssm.get_parameters_by_path(
        path=path, with_decryption=False, opts=pulumi.InvokeOptions(parent=endpoint)
    )
    names: list[Any] = list(answer.names)
    if not all(isinstance(name, str) for name in names):
        return None
    return dict(zip(names, answer.values, strict=True))
