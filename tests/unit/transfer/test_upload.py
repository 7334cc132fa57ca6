"""Where the bytes of an upload go, and what is said when they do not arrive."""

from __future__ import annotations

import pathlib
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cases import for_each
from tonicdm import DownloadError, Secret
from tonicdm.errors import ConnectError
from tonicdm.models import PresignedUpload
from tonicdm.transfer.upload import UploadPlan, _address, _sent

LINK = Secret("https://files.example/u?sig=abcdef")
STARTED = PresignedUpload(signature="s1", extra={"url": "https://files.example/u"})


@for_each(
    ("started", "plan", "address"),
    [
        (STARTED, UploadPlan(url_field="url"), "https://files.example/u?X-Amz-Signature=s1"),
        (STARTED, UploadPlan(url="https://own.example/u?a=1"), "https://own.example/u?a=1&X-Amz-Signature=s1"),
        (PresignedUpload(), UploadPlan(url="https://own.example/u"), "https://own.example/u"),
        ("id-7", UploadPlan(url="https://own.example/{upload_id}"), "https://own.example/id-7"),
    ],
)
def test_the_form_of_a_started_upload_is_the_query_of_its_address(started: Any, plan: UploadPlan, address: str) -> None:
    assert _address(started, plan).reveal() == address


@for_each(
    ("started", "plan", "why"),
    [
        ("id-7", UploadPlan(url_field="url"), "a text, with no fields"),
        (PresignedUpload(), UploadPlan(url_field="url"), "no address in the field 'url'"),
        (PresignedUpload(extra={"url": 5}), UploadPlan(url_field="url"), "no address in the field 'url'"),
    ],
)
def test_an_upload_without_an_address_is_an_error_that_says_which_field(
    started: Any, plan: UploadPlan, why: str
) -> None:
    with pytest.raises(DownloadError, match=why):
        _address(started, plan)


async def sent(tmp_path: pathlib.Path, outcome: Any) -> str | None:
    async def put(_link: Secret, pieces: Any, _headers: Any, *, timeout: float) -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    storage = SimpleNamespace(rules=SimpleNamespace(check=lambda _link: None), plain_for=lambda *_, **__: plain)
    plain = SimpleNamespace(put=put)
    client: Any = SimpleNamespace(_storage=lambda: storage, caller=SimpleNamespace(timeout=1.0))
    file = tmp_path / "plan.pdf"
    file.write_bytes(b"abc")
    return await _sent(client, LINK, file, {}, allow_private=False)


async def test_bytes_that_arrived_have_the_tag_that_the_storage_gave_them(tmp_path: pathlib.Path) -> None:
    assert await sent(tmp_path, SimpleNamespace(status=200, headers={"ETag": '"e1"'})) == '"e1"'


@for_each(
    ("outcome", "why", "status"),
    [
        (ConnectError("abcdef", method="PUT", path=""), r"could not be sent \(ConnectError\)", None),
        (SimpleNamespace(status=403, headers={}), "refused the bytes with 403", 403),
        (SimpleNamespace(status=302, headers={}), "refused the bytes with 302", 302),
    ],
)
async def test_bytes_that_did_not_arrive_are_an_error_without_the_signature(
    outcome: Any, why: str, status: int | None, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(DownloadError, match=why) as failed:
        await sent(tmp_path, outcome)
    assert "abcdef" not in str(failed.value)
    assert failed.value.status == status
