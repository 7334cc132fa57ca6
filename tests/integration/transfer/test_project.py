"""The files of a project in a folder, thumbnails and uploads, against the sandbox's invented storage."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests import processes
from tests.hostile import Hostile, answer, bare
from tonicdm import ConfigError, DownloadError, InvalidIDError, RetryPolicy, TonicDM, UnitBudget, UnsafeLinkError
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.transfer.project import FileLinks
from tonicdm.transfer.upload import UploadPlan

from .storage import left

FIELD = FileLinks(field="downloadUrl")
OPERATION = FileLinks(field="downloadUrl", path="/invented/file-links")


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(records=1_500, settings=SandboxSettings(limit=100_000)) as made:
        yield made


@pytest.fixture
async def tonic(box: Sandbox) -> AsyncIterator[TonicDM]:
    async with TonicDM(
        token=box.token, base_url=box.url, budget=UnitBudget.memory(), retry=RetryPolicy(base=0.0)
    ) as made:
        yield made


async def busy_project(tonic: TonicDM) -> str:
    """Return the project whose RFIs have the most filesets."""
    rfis = await tonic.rfis.list(data_quantity="complete").all()
    owners = Counter(str(rfi.project_id) for rfi in rfis for part in rfi.parts or () if part.fileset_id)
    return owners.most_common(1)[0][0]


@pytest.mark.parametrize(("mode", "links"), [("field", FIELD), ("operation", OPERATION)])
async def test_a_projects_files_come_once(
    box: Sandbox, tonic: TonicDM, tmp_path: pathlib.Path, mode: str, links: FileLinks
):
    """A second run downloads nothing; what changed, was removed or was damaged since comes again."""
    box.settings.file_links = mode  # type: ignore[assignment]
    project = await busy_project(tonic)
    told: list[str] = []
    first = await tonic.download_project(project, tmp_path, links, on_file=lambda _, fate: told.append(fate))
    assert len(first.downloaded) >= 3
    assert not first.skipped
    assert not first.failed
    assert told == ["downloaded"] * len(first.downloaded)
    lines = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().split("\n") if line]
    for line in lines[1:]:
        content = (tmp_path / line["name"]).read_bytes()
        assert content == box._service.storage.content(line["id"])
    box.journal.clear()
    second = await tonic.download_project(project, tmp_path, links)
    assert (second.downloaded, sorted(second.skipped)) == ([], sorted(first.downloaded))
    assert not [entry for entry in box.journal if entry.path.startswith("/invented")]
    changed, removed, damaged = (line["id"] for line in lines[1:4])
    names = {line["id"]: line["name"] for line in lines[1:]}
    box.world.touch("files", changed, None)
    (tmp_path / names[removed]).unlink()
    (tmp_path / names[damaged]).write_bytes(b"x")
    third = await tonic.download_project(project, tmp_path, links)
    assert sorted(third.downloaded) == sorted([changed, removed, damaged])
    assert len(left(tmp_path)) == len(lines), "each file once, and the manifest"


async def test_no_signed_link_stands_in_the_manifest(box: Sandbox, tonic: TonicDM, tmp_path: pathlib.Path):
    box.settings.file_links = "field"
    await tonic.download_project(await busy_project(tonic), tmp_path, FIELD)
    assert "signature" not in (tmp_path / "manifest.jsonl").read_text()
    assert "http" not in (tmp_path / "manifest.jsonl").read_text()


async def test_a_file_that_fails_costs_no_other(box: Sandbox, tonic: TonicDM, tmp_path: pathlib.Path):
    """One is refused each time; it is named with its error, and the next run brings it."""
    box.settings.file_links = "field"
    project = await busy_project(tonic)
    everything = await tonic.download_project(project, tmp_path / "a", FIELD)
    bad = everything.downloaded[0]
    box.faults.on("server_error", path=f"/invented/files/{bad}")
    found = await tonic.download_project(project, tmp_path / "b", FIELD)
    assert list(found.failed) == [bad]
    assert isinstance(found.failed[bad], DownloadError)
    assert len(found.downloaded) == len(everything.downloaded) - 1
    box.faults.off()
    again = await tonic.download_project(project, tmp_path / "b", FIELD)
    assert (list(again.downloaded), again.failed) == ([bad], {})


async def test_a_run_that_was_killed_goes_on(box: Sandbox, tonic: TonicDM, tmp_path: pathlib.Path):
    """A line of the manifest that was torn off costs its file, no other, and none of the lines behind it."""
    box.settings.file_links = "field"
    project = await busy_project(tonic)
    first = await tonic.download_project(project, tmp_path, FIELD)
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text(manifest.read_text().rstrip("\n")[:-10])
    second = await tonic.download_project(project, tmp_path, FIELD)
    assert len(second.downloaded) == 1
    third = await tonic.download_project(project, tmp_path, FIELD)
    assert len(third.skipped) == len(first.downloaded)


async def test_a_manifest_that_was_changed_leads_out_of_no_folder(box: Sandbox, tonic: TonicDM, tmp_path: pathlib.Path):
    """A name with a path in it is no name of this package: the file is fetched under a safe one."""
    box.settings.file_links = "field"
    project = await busy_project(tonic)
    folder = tmp_path / "files"
    first = await tonic.download_project(project, folder, FIELD)
    manifest = folder / "manifest.jsonl"
    row = {"id": first.downloaded[0], "name": "../out", "size": 1, "updated": None}
    manifest.write_text(manifest.read_text() + json.dumps(row))
    await tonic.download_project(project, folder, FIELD)
    assert left(tmp_path) == ["files"]


async def test_links_that_expire_are_asked_for_anew(box: Sandbox, tonic: TonicDM, tmp_path: pathlib.Path):
    """A link that is over when its file's turn comes is no failure."""
    box.settings.file_links = "operation"
    project = await busy_project(tonic)
    box.settings.file_link_seconds = 0
    refused = await tonic.download_project(project, tmp_path / "a", OPERATION)
    assert refused.failed, "links that are never good are given up"
    assert all(error.status == 403 for error in refused.failed.values() if isinstance(error, DownloadError))


async def test_two_projects_do_not_share_a_folder(box: Sandbox, tonic: TonicDM, tmp_path: pathlib.Path):
    box.settings.file_links = "field"
    await tonic.download_project(await busy_project(tonic), tmp_path, FIELD)
    with pytest.raises(DownloadError, match="another project"):
        await tonic.download_project("f" * 32, tmp_path, FIELD)


async def test_without_a_setting_it_says_what_the_reference_lacks(tonic: TonicDM, box: Sandbox, tmp_path: pathlib.Path):
    """Nothing is sent: not where no field is named, nor where the project is no ID."""
    with pytest.raises(ConfigError, match="the reference shows no field and no operation"):
        FileLinks(field="")
    with pytest.raises(InvalidIDError):
        await tonic.download_project("nonsense", tmp_path, FIELD)
    assert not box.journal


async def test_a_field_that_is_not_there_is_named_for_each_file(tonic: TonicDM, tmp_path: pathlib.Path):
    """The sandbox shows no link until it is told to, as the reference does."""
    found = await tonic.download_project(await busy_project(tonic), tmp_path, FIELD)
    assert found.failed
    assert {str(error) for error in found.failed.values()} == {"no link in the field 'downloadUrl'. Nothing was sent."}


def test_the_command_downloads_and_skips(tmp_path: pathlib.Path):
    """Exit codes 2 without a setting, 0 with it; the second run skips."""
    with processes.sandbox("--records", "1500", "--set", "file_links=field") as url:

        def run(*arguments: str) -> processes.Completed:
            return processes.run(*arguments, env=processes.environment(url, tmp_path))

        rfis = json.loads(run("list", "rfis", "--data-quantity", "complete", "--format", "json").stdout)
        project = next(one["project_id"] for one in rfis if any(part.get("fileset_id") for part in one["parts"]))
        target = str(tmp_path / "files")
        without = run("download", project, "--to", target)
        assert (without.returncode, "the reference shows no field" in without.stderr) == (2, True)
        assert "--link-field" in without.stderr
        first = run("download", project, "--to", target, "--link-field", "downloadUrl")
        assert (first.returncode, first.stderr) == (0, "")
        assert "files downloaded" in first.stdout
        second = run("download", project, "--to", target, "--link-field", "downloadUrl")
        assert second.stdout.startswith("0 files downloaded")
        missing = run("download", project, "--to", str(tmp_path / "other"), "--link-field", "nothing")
        assert missing.returncode == 1


async def test_thumbnails_come_by_what_they_look_like(box: Sandbox, tonic: TonicDM, tmp_path: pathlib.Path):
    """A link in one field of an object; 5 units for all, none for the bytes."""
    box.settings.file_links = "field"
    sets = await tonic.thumbnails.list().all()
    ids = list(dict.fromkeys(one.file_id for one in sets if one.file_id))[:3]
    before = box.units()
    made = await tonic.save_thumbnails(ids, tmp_path)
    assert box.units() - before == 5
    assert {one.path.suffix for one in made if one.path} == {".png"}
    assert all(one.path and one.path.read_bytes().startswith(b"\x89PNG") for one in made)


async def test_an_upload_is_sent_as_far_as_it_is_shown(box: Sandbox, tonic: TonicDM, tmp_path: pathlib.Path):
    """The form's parameters as the query of the address that a setting names; the bytes arrive, without the token."""
    box.settings.file_links = "field"
    path = tmp_path / "plan.pdf"
    path.write_bytes(os.urandom(700_000))
    done = await tonic.upload(path, UploadPlan(url_field="url"))
    assert done.size == 700_000
    assert done.etag == f'"{hashlib.md5(path.read_bytes()).hexdigest()}"'
    assert list(box._service.storage.uploads.values()) == [path.read_bytes()]
    assert [(entry.method, entry.units, entry.token is None) for entry in box.journal] == [
        ("GET", 5, False),
        ("PUT", 0, True),
    ]


async def test_what_follows_an_upload_is_off_until_it_is_named(tmp_path: pathlib.Path):
    """A text as UploadId, an address with its place, and a finalizing call."""
    path = tmp_path / "plan.pdf"
    path.write_bytes(b"the plan")
    replies = [answer(body=b'"upload-7"'), bare(200), answer(201, {"id": "x"})]
    async with (
        Hostile(*replies) as server,
        TonicDM(token="t0ken", base_url=server.url, budget=UnitBudget.memory()) as tonic,
    ):
        plan = UploadPlan(
            url=server.url + "/put/{upload_id}", finalize_path="/fileset/finalize", finalize_body={"a": 1}
        )
        done = await tonic.upload(path, plan, content_type="text/plain")
    assert done.finalized == {"id": "x"}
    start, put, end = server.requests
    assert start.header("contentType") == "text/plain"
    assert (put.method, put.target, put.body, put.header("Authorization")) == (
        "PUT",
        "/put/upload-7",
        b"the plan",
        None,
    )
    assert (end.method, end.target, json.loads(end.body)) == ("POST", "/fileset/finalize", {"a": 1})


async def test_an_upload_without_an_address_sends_nothing(tonic: TonicDM, box: Sandbox, tmp_path: pathlib.Path):
    with pytest.raises(ConfigError, match="signed form and no address to send them to"):
        UploadPlan()
    with pytest.raises(ConfigError, match="not both"):
        UploadPlan(url="https://x/y", url_field="url")
    with pytest.raises(DownloadError, match="can't be read: No such file"):
        await tonic.upload(tmp_path / "absent", UploadPlan(url="https://x/y"))
    assert not box.journal


async def test_an_upload_goes_to_no_private_address(tonic: TonicDM, tmp_path: pathlib.Path):
    path = tmp_path / "a"
    path.write_bytes(b"x")
    with pytest.raises(UnsafeLinkError):
        await tonic.upload(path, UploadPlan(url="http://10.0.0.1/put"))
