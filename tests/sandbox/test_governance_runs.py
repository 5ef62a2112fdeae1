"""Evidence of versions that were really released: written, verified, and refused once a byte changes."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sandbox.governance_world import DEPLOYED, SEALER, WRITER, Kept, kept, program
from tests.sandbox.models_world import DEV
from typer.testing import CliRunner

from modelyard.assess.graph import Graph, record
from modelyard.cli import evidence as commands
from modelyard.cli.app import app
from modelyard.core.errors import InputError, ModelyardError
from modelyard.core.evidence import (
    FILES,
    INDEX,
    MANIFEST,
    PAGE,
    SIGNATURE,
    file_of,
    folder,
    index_key,
    manifest,
    sealed,
)
from modelyard.core.releasing import canonical
from modelyard.operate.access import access_of
from modelyard.operate.evidence import (
    Bundle,
    Store,
    bundles,
    fetch,
    findings,
    put,
    saved,
    showing,
    verify,
    verify_copy,
    without,
)
from modelyard.operate.evidence.place import save


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("evidence")) as made:
        yield made


@pytest.fixture(scope="module")
def version(dev: Kept) -> int:
    """A released version whose evidence nobody has touched."""
    return dev.released()


@pytest.fixture
def bundle(dev: Kept, version: int) -> Bundle:
    return dev.bundle(version)


def wrong(bundle: Bundle) -> list[str]:
    return [str(difference) for difference in verify(bundle).wrong]


def said(bundle: Bundle, part: str) -> Any:
    return json.loads(bundle.files[file_of(part)])


def test_a_release_leaves_evidence_that_holds(dev: Kept, version: int):
    bundle = dev.bundle(version, dev.session("auditor", "olga"))
    assert set(bundle.files) == {*FILES, MANIFEST, SIGNATURE}
    assert wrong(bundle) == []
    shown = list(showing.verified(verify(bundle)))
    assert shown[0] == f"scores {version}: the evidence holds. Looked at:"


def test_each_part_says_what_stands_behind_the_release(dev: Kept, bundle: Bundle, version: int):
    assert said(bundle, "card")["content"]["model_overview"]["model_owner"] == "ada@acme.example"
    lineage = said(bundle, "lineage")
    assert (lineage["code_commit"], lineage["metadata"]["run-id"]) == ("c" * 40, "run-7")
    provenance = lineage["provenance"]
    assert (provenance["feature_views"], provenance["parameters"]) == (["customer-v2"], {"depth": "6"})
    assert provenance["snapshots"][0]["dataset"] == "events"
    gates = {gate["gate"]: gate for gate in said(bundle, "gates")["gates"]}
    assert {name: gate["held"] for name, gate in gates.items()} == {"fair": True, "recall": True}
    assert gates["recall"]["asked"]["threshold"] == 0.8
    assert gates["recall"]["measured"][0]["value"] == 0.9
    approvals = said(bundle, "approvals")
    assert (approvals["person"], approvals["reason"]) == ("grace", "looked at it")
    assert approvals["decision"]["content"]["decision"] == "approved"
    assert approvals["event"]["detail"]["by"] == approvals["approved_by"]
    assert approvals["status"] == "Approved"
    assert said(bundle, "images")["serving"]["digest"] == f"sha256:{'d' * 64}"
    assert said(bundle, "infrastructure")["content"] == DEPLOYED
    assert said(bundle, "artifact-signature")["dsseEnvelope"]
    registered = dev.model().registry.read(f"releases/scores/{version}.json")
    assert bundle.files[file_of("release")].decode() == registered


def test_what_there_is_not_is_said_to_be_absent(bundle: Bundle):
    assert said(bundle, "policy") == {"absent": "no policy report was put down"}
    assert bundle.manifest["absent"] == {"policy": "no policy report was put down"}
    assert "Absent: no policy report was put down" in bundle.files[PAGE].decode()
    assert "Policy report: absent, no policy report was put down" in list(showing.shown(bundle))


def test_ci_puts_the_policy_report_down_and_the_next_release_has_it(dev: Kept):
    ci = dev.session("ci", "run-1")("s3")
    ci.put_object(Bucket=dev.store().bucket, Key="deployment/policy.json", Body=b'{"violations": 0}')
    with pytest.raises(ClientError, match="403"):
        ci.put_object(Bucket=dev.store().bucket, Key="bundles/scores/1/policy.json", Body=b"{}", IfNoneMatch="*")
    later = dev.bundle(dev.released())
    assert said(later, "policy")["content"] == {"violations": 0}
    assert later.manifest["absent"] == {}
    assert wrong(later) == []


def test_what_the_stacks_say_of_access_stands_in_the_next_bundle(dev: Kept):
    graph = record(program(dev.governance), project="p", stack="s", region=DEV.region, account=DEV.account)
    access = access_of("fraud", "dev", Graph("p", "s", ()), graph)
    source = {"commit": "f" * 40, "dirty": False}
    uri = put(dev.store(dev.session("ci", "run-1")), findings(access, source, datetime(2026, 11, 21, tzinfo=UTC)))
    assert uri == f"s3://{dev.store().bucket}/deployment/policy.json"
    policy = dev.bundle(dev.released()).parts["policy"]["content"]
    assert (policy["kind"], policy["source"]) == ("modelyard-access-findings-1", source)
    assert "no other rules were checked" in policy["says"], "it is no verdict on policies"
    (scores,) = policy["uses"]
    named = {user["identity"].rpartition("/")[2] for user in scores["uses"]["approve"]}
    assert named == {"ml-dev-fraud-approve"}
    assert policy["refused_grants"] == []


def test_the_page_shows_every_part_and_needs_nothing_else(bundle: Bundle):
    page = bundle.files[PAGE].decode()
    for text in ("Evidence: scores", "grace", "recall", "customer-v2", "ada@acme.example", "e" * 40):
        assert text in page
    assert not re.search(r"(src|href)=|<script", page), "it loads nothing and runs nothing"


@pytest.mark.parametrize("name", [*FILES, MANIFEST, SIGNATURE])
def test_one_changed_byte_is_found_in_whatever_file_it_is(bundle: Bundle, name: str):
    content = bundle.files[name]
    place = content.rindex(b"e")
    bundle.files[name] = content[:place] + b"f" + content[place + 1 :]
    assert any(line.startswith(f"{name}: ") for line in wrong(bundle)), wrong(bundle)


@pytest.mark.parametrize("name", [*FILES, MANIFEST, SIGNATURE])
def test_one_changed_byte_of_a_copy_is_found(bundle: Bundle, tmp_path: Path, name: str):
    place = tmp_path / "copy"
    save(bundle, place)
    copy = saved(bundle.store, bundle.model, bundle.version, place)
    assert verify_copy(copy).wrong == ()
    content = bytearray((place / name).read_bytes())
    content[len(content) // 2] ^= 1
    (place / name).write_bytes(bytes(content))
    found = verify_copy(saved(bundle.store, bundle.model, bundle.version, place)).wrong
    assert name in {difference.file for difference in found}


@pytest.fixture(scope="module")
def untouched(dev: Kept, version: int) -> Bundle:
    return dev.bundle(version)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_bit_of_any_object_counts(untouched: Bundle, data: st.DataObject):
    """Of the files, the manifest, its signature and the entry of the index."""
    bundle, version = untouched, untouched.version
    assert bundle.index is not None
    objects = {**bundle.files, INDEX: bundle.index}
    name = data.draw(st.sampled_from(sorted(objects)))
    flipped = bytearray(objects[name])
    place = data.draw(st.integers(0, len(flipped) - 1))
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    files = {**bundle.files, **({name: bytes(flipped)} if name != INDEX else {})}
    index = bytes(flipped) if name == INDEX else bundle.index
    assert verify(Bundle(bundle.store, bundle.model, version, files, index)).wrong
    if name != INDEX:
        assert verify_copy(Bundle(bundle.store, bundle.model, version, files, None)).wrong


def test_a_difference_says_the_file_what_was_expected_and_what_was_found(bundle: Bundle):
    bundle.files["gates.json"] += b" "
    (found,) = verify(bundle).wrong
    listed = bundle.manifest["files"]["gates.json"]["sha256"]
    assert (found.file, found.problem, found.expected) == ("gates.json", "was changed", f"SHA-256 {listed}")
    assert re.fullmatch(r"SHA-256 [0-9a-f]{64}", found.found)
    assert found.found != found.expected
    assert list(showing.verified(verify(bundle)))[0].endswith("THE EVIDENCE DOESN'T HOLD")
    assert f"DON'T BELIEVE IT  {found}" in list(showing.shown(bundle)), "who only looks is warned"


def test_a_manifest_that_fits_the_changed_part_is_not_signed(bundle: Bundle):
    """Whoever changes a part and its hash in the manifest, and even the index, still has no signature."""
    files = {name: bundle.files[name] for name in FILES}
    files["approvals.json"] = files["approvals.json"].replace(b"grace", b"carol")
    about = {key: value for key, value in bundle.manifest.items() if key not in ("files", "absent", "kind")}
    forged = manifest(about, files, bundle.manifest["absent"]).encode()
    copy = Bundle(
        bundle.store,
        bundle.model,
        bundle.version,
        {**files, MANIFEST: forged, SIGNATURE: bundle.files[SIGNATURE]},
        None,
    )
    (found,) = verify_copy(copy).wrong
    assert (found.file, found.problem) == (MANIFEST, "isn't the one that was sealed")
    other = json.loads(bundle.files[SIGNATURE])
    other["dsseEnvelope"]["payload"] = base64.b64encode(sealed(forged).encode()).decode()
    copy.files[SIGNATURE] = canonical(other).encode()
    (found,) = verify_copy(copy).wrong
    assert (found.file, found.problem) == (SIGNATURE, "isn't valid: the registry's key didn't sign it")


def test_another_versions_bundle_doesnt_stand_for_this_one(dev: Kept, bundle: Bundle):
    other = dev.bundle(dev.released())
    copy = Bundle(bundle.store, bundle.model, bundle.version, other.files, None)
    found = {difference.problem for difference in verify_copy(copy).wrong}
    assert {"speaks of another model_version", "isn't the registry's record", "speaks of another version"} <= found


def test_what_is_overwritten_hidden_or_missing_is_found(dev: Kept):
    version = dev.released()
    prefix, store = folder("scores", version), dev.store()
    with dev.open_store() as s3:
        s3.put_object(Bucket=store.bucket, Key=f"{prefix}card.json", Body=dev.bundle(version).files["card.json"])
        s3.delete_object(Bucket=store.bucket, Key=f"{prefix}gates.json")
        s3.put_object(Bucket=store.bucket, Key=f"{prefix}extra.json", Body=b"{}")
    found = wrong(dev.bundle(version))
    assert "card.json: was overwritten or hidden: expected 1 version, found 2" in found
    assert "gates.json: was overwritten or hidden: expected 1 version, found 2" in found
    assert any(line.startswith("gates.json: is missing") for line in found)
    assert "extra.json: is no file of the bundle" in found


def test_an_index_that_was_replaced_is_found(dev: Kept):
    version = dev.released()
    key, store = index_key("scores", version), dev.store()
    with dev.open_store() as s3:
        forged = b'{"manifest_sha256": "0", "signature_sha256": "0"}'
        put = s3.put_object(Bucket=store.bucket, Key=key, Body=forged)
        found = wrong(dev.bundle(version))
        with pytest.raises(InputError, match="yard evidence verify"):
            bundles(store)
        s3.delete_object(Bucket=store.bucket, Key=key, VersionId=put["VersionId"], BypassGovernanceRetention=True)
    assert "index entry: was overwritten or hidden: expected 1 version, found 2" in found
    assert any("isn't the one that the index names" in line for line in found)


def test_a_lock_that_is_too_short_is_found(dev: Kept, version: int):
    store, key = dev.store(), f"{folder('scores', version)}card.json"
    s3 = dev.stack.client("s3")
    until = s3.head_object(Bucket=store.bucket, Key=key)["ObjectLockRetainUntilDate"]
    with dev.open_store() as unfenced:
        held = {"Bucket": store.bucket, "Key": key, "BypassGovernanceRetention": True}
        unfenced.put_object_retention(
            **held, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until.replace(year=until.year - 5)}
        )
        assert any("card.json: is locked for too short a time" in line for line in wrong(dev.bundle(version)))
        unfenced.put_object_retention(**held, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
    assert wrong(dev.bundle(version)) == []


def test_nobody_deletes_or_overwrites_evidence(dev: Kept, version: int):
    store, key = dev.store(), f"{folder('scores', version)}card.json"
    for role in ("auditor", "ci", "approve", "stranger", "evidence-writer"):
        s3 = dev.session(role, "SageMaker")("s3")
        with pytest.raises(ClientError, match="403|AccessDenied"):
            s3.delete_object(Bucket=store.bucket, Key=key)
        with pytest.raises(ClientError, match="403|AccessDenied"):
            s3.put_object(Bucket=store.bucket, Key=key, Body=b"{}")
    root = dev.stack.client("s3")
    which = root.head_object(Bucket=store.bucket, Key=key)["VersionId"]
    with dev.open_store() as s3, pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=store.bucket, Key=key, VersionId=which)


def test_an_event_that_comes_twice_writes_nothing_new(dev: Kept, version: int):
    before = dev.bundle(version).files
    answer = dev.invoke(WRITER, dev.told(version))
    assert answer["written"] is False
    assert dev.bundle(version).files == before


def test_a_bundle_that_was_left_half_written_is_completed_with_what_lies_there(dev: Kept, version: int):
    """As if the function had died before the manifest: what it wrote stays, and fits the rest."""
    fresh = dev.released()
    prefix, store = folder("scores", fresh), dev.store()
    card = dev.bundle(fresh).files["card.json"]
    with dev.open_store() as s3:
        for found in s3.list_object_versions(Bucket=store.bucket)["Versions"]:
            if found["Key"] == index_key("scores", fresh) or (
                found["Key"].startswith(prefix) and not found["Key"].endswith("card.json")
            ):
                s3.delete_object(
                    Bucket=store.bucket,
                    Key=found["Key"],
                    VersionId=found["VersionId"],
                    BypassGovernanceRetention=True,
                )
    assert any("index entry: is missing" in line for line in wrong(dev.bundle(fresh)))
    assert dev.invoke(WRITER, dev.told(fresh))["written"] is True
    again = dev.bundle(fresh)
    assert (wrong(again), again.files["card.json"]) == ([], card)


def test_an_approval_without_a_valid_record_leaves_no_evidence(dev: Kept):
    version = dev.measured()
    answer = dev.invoke(WRITER, dev.told(version))
    assert answer["errorType"] == "NotReleased"
    assert "has no release record" in answer["errorMessage"]
    assert dev.invoke(WRITER, dev.told(1, model="somebody-elses"))["errorType"] == "NotReleased"
    released = dev.released()
    with dev.unfenced() as s3:
        record = s3.get_object(Bucket=dev.bucket, Key=f"releases/scores/{released}.json")["Body"].read()
        s3.put_object(Bucket=dev.bucket, Key=f"releases/scores/{version}.json", Body=record)
        assert "the record speaks of" in dev.invoke(WRITER, dev.told(version))["errorMessage"]
        said = json.loads(record)
        said["payload"] = said["payload"].replace("looked at it", "never did it")
        s3.put_object(Bucket=dev.bucket, Key=f"releases/scores/{version}.json", Body=json.dumps(said).encode())
        assert "didn't sign the record" in dev.invoke(WRITER, dev.told(version))["errorMessage"]
    with pytest.raises(InputError, match="has no evidence"):
        dev.bundle(version)


def test_a_record_that_was_changed_in_the_registry_is_found(dev: Kept):
    version = dev.released()
    key = f"releases/scores/{version}.json"
    with dev.unfenced() as s3:
        record = s3.get_object(Bucket=dev.bucket, Key=key)["Body"].read()
        s3.put_object(Bucket=dev.bucket, Key=key, Body=record + b" ")
    assert any(line.startswith("release.json: isn't the registry's record") for line in wrong(dev.bundle(version)))


def test_the_sealer_signs_manifests_and_nothing_else(dev: Kept, bundle: Bundle):
    listed = bundle.files[MANIFEST].decode()
    assert dev.invoke(SEALER, {"manifest": listed})["seal"]
    for text in ("{}", "weights", listed + " ", canonical({**json.loads(listed), "files": {}})):
        assert dev.invoke(SEALER, {"manifest": text})["errorType"] == "NotSealed"


def test_the_list_shows_the_newest_first_and_who_released_them(dev: Kept, version: int):
    newest = dev.released()
    found = [one for one in bundles(dev.store()) if one.model_version in (version, newest)]
    assert [one.model_version for one in found] == [newest, version]
    lines = list(showing.listed(found, [], []))
    assert "grace" in lines[1]
    assert "10 years, governance" in lines[1]
    assert lines[-1] == f"Next: yard evidence verify scores {newest}"


def test_the_list_names_what_was_approved_and_has_no_evidence(dev: Kept, version: int):
    waiting = dev.measured()
    assert ("scores", waiting) not in without(dev.store(), bundles(dev.store()))
    dev.stack.client("sagemaker").update_model_package(
        ModelPackageArn=dev.model().package(waiting), ModelApprovalStatus="Approved"
    )
    found = without(dev.store(), bundles(dev.store()))
    assert ("scores", waiting) in found
    assert ("scores", version) not in found
    said = f"scores {waiting} is approved and has no evidence: was it released before any was kept?"
    assert said in list(showing.listed([], found, []))


@pytest.fixture
def yard(dev: Kept, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """`yard evidence` as a user types it, against the world's store: exit code, and what it says."""
    monkeypatch.setattr(commands, "_found", lambda name, team, env: (dev.store(), dev.store().registry.model(name)))

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["evidence", *arguments])
        if isinstance(done.exception, ModelyardError):
            return done.exception.exit_code, str(done.exception)
        return done.exit_code, done.output

    return run


def test_the_commands_list_show_and_verify(yard: Callable[..., tuple[int, str]], version: int, tmp_path: Path):
    number, page, place = str(version), tmp_path / "evidence.html", tmp_path / "evidence"
    code, out = yard("list", "scores", "--json")
    assert (code, version in [one["model_version"] for one in json.loads(out)["bundles"]]) == (0, True)
    code, out = yard("show", "scores", number, "--html", str(page), "--save", str(place))
    assert code == 0
    assert "Gates: fair held, recall held" in out
    assert page.read_text().startswith("<!doctype html>")
    code, out = yard("show", "scores", number, "--json")
    assert json.loads(out)["parts"]["approvals"]["person"] == "grace"
    assert yard("verify", "scores", number)[0] == 0
    assert yard("verify", "scores", number, "--copy", str(place))[0] == 0


def test_the_command_fails_with_the_part_once_a_byte_of_the_bundle_changes(
    yard: Callable[..., tuple[int, str]], dev: Kept, version: int, tmp_path: Path
):
    number, place = str(version), tmp_path / "evidence"
    yard("show", "scores", number, "--save", str(place))
    content = bytearray((place / "approvals.json").read_bytes())
    content[-2] ^= 1
    (place / "approvals.json").write_bytes(bytes(content))
    code, out = yard("verify", "scores", number, "--copy", str(place))
    assert code == 1
    assert re.search(r"approvals.json: was changed: expected SHA-256 \w{64}, found SHA-256 \w{64}", out)
    code, out = yard("verify", "scores", number, "--copy", str(place), "--json")
    said = json.loads(out)
    assert (code, said["holds"], [one["file"] for one in said["wrong"]]) == (1, False, ["approvals.json"])

    fresh = dev.released()
    with dev.open_store() as s3:
        key = f"{folder('scores', fresh)}approvals.json"
        s3.put_object(Bucket=dev.store().bucket, Key=key, Body=bytes(content))
    code, out = yard("verify", "scores", str(fresh))
    assert (code, "approvals.json: was changed" in out) == (1, True)


def test_what_the_commands_cant_do_is_a_clear_error(yard: Callable[..., tuple[int, str]], version: int, tmp_path: Path):
    for arguments, said in (
        (("show", "scorse", "1"), "is no model of fraud; there are: scores"),
        (("verify", "scores", "999"), "has no such version"),
        (("verify", "scores", str(version), "--copy", str(tmp_path / "none")), "holds no manifest.json"),
        (("show", "scores", str(version), "--save", str(tmp_path)), "exists already"),
        (
            ("show", "scores", str(version), "--html", str(tmp_path / "no" / "page.html")),
            "lies in a folder that isn't there",
        ),
    ):
        code, out = yard(*arguments)
        assert (code, said in out) == (2, True), out


def test_a_version_that_isnt_there_or_wasnt_released_is_an_error(dev: Kept):
    with pytest.raises(InputError, match="has no such version"):
        fetch(dev.store(), dev.model(), 999)
    waiting = dev.measured()
    with pytest.raises(InputError, match="has no evidence.*Only a released version has"):
        fetch(dev.store(), dev.model(), waiting)


def test_evidence_of_a_team_that_isnt_deployed_says_whom_to_deploy(dev: Kept, bundle: Bundle):
    registry = dev.store().registry
    store = Store(replace(registry, context=registry.context.for_team("churn")), dev.governance)
    model = store.registry.model("scores")
    for ask in (
        lambda: bundles(store),
        lambda: fetch(store, model, 1),
        lambda: put(store, {}),
        lambda: verify(replace(bundle, store=store)),
    ):
        with pytest.raises(InputError, match=r"isn't deployed\. Deploy it: yard up churn --env dev"):
            ask()
