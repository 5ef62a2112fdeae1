"""Evidence of versions that were really released: written, verified, and refused once a byte changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.sandbox.governance_world import Kept, kept

from modelyard.core.evidence import FILES, MANIFEST, SIGNATURE
from modelyard.operate.evidence import verify


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("evidence")) as made:
        yield made


def test_a_release_leaves_evidence_that_holds(dev: Kept):
    version = dev.released()
    bundle = dev.bundle(version)
    assert set(bundle.files) == {*FILES, MANIFEST, SIGNATURE}
    assert verify(bundle).wrong == ()
