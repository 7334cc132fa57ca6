"""The storage behind the sandbox's signed links: what it serves, and what it refuses."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.cases import for_each
from tonicdm.sandbox.invented import PREFIX, Storage
from tonicdm.sandbox.messages import Refusal, Request
from tonicdm.sandbox.settings import SandboxSettings

BASE = "http://127.0.0.1:1"
ID = "a" * 32
NOW = 1_800_000_000.0


class OneFile:
    """A world with one file."""

    def __init__(self, size: int = 100) -> None:
        self._size = size

    def get(self, record_type, record_id):
        found = {"id": ID, "datetimeUpdated": "2026-01-01T00:00:00Z", "sizeBytes": self._size}
        return found if (record_type, record_id) == ("files", ID) else None


def asked(link, method="GET", body=b"", **headers):
    parts = urlsplit(link)
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Request(method=method, path=parts.path, headers=lines, query=tuple(parse_qsl(parts.query)), body=body)


def served(link, *, size=100, later=0.0, storage=None, **call):
    storage = storage or Storage(lambda: [OneFile(size)], SandboxSettings(), 7)
    request = asked(link, **call)
    return storage.serve(request, request.path, NOW + later)


def link_to(path, size=100):
    return Storage(lambda: [OneFile(size)], SandboxSettings(), 7).link(BASE, path, NOW)


def test_a_link_opens_its_file_until_its_time_is_over():
    link = link_to(f"files/{ID}")
    assert (served(link).status, len(served(link).body)) == (200, 100)
    with pytest.raises(Refusal, match="expired"):
        served(link, later=SandboxSettings().file_link_seconds + 1)


@for_each(
    ("link", "call", "status"),
    [
        (link_to(f"files/{ID}"), {"Authorization": "Bearer t"}, 400),
        (link_to(f"files/{ID}") + "0", {}, 403),
        (link_to(f"files/{ID}").replace(ID, "b" * 32), {}, 403),
        (f"{BASE}{PREFIX}files/{ID}", {}, 403),
        (link_to(f"files/{'b' * 32}"), {}, 404),
        (link_to(f"files/{ID}"), {"method": "POST"}, 405),
        (link_to("keys/secret"), {}, 405),
        (f"{BASE}{PREFIX}uploads/u1", {"method": "GET"}, 405),
        (f"{BASE}{PREFIX}uploads/u1?X-Amz-Signature=u1", {"method": "PUT"}, 403),
    ],
)
def test_what_a_storage_service_would_refuse_is_refused(link, call, status):
    with pytest.raises(Refusal) as refused:
        served(link, **call)
    assert refused.value.status == status


@for_each(
    ("wanted", "size", "status", "shown"),
    [
        ("bytes=10-19", 100, 206, "bytes 10-19/100"),
        ("bytes=90-", 100, 206, "bytes 90-99/100"),
        ("bytes=90-500", 100, 206, "bytes 90-99/100"),
        ("bytes=100-", 100, 416, "bytes */100"),
        ("bytes=0-", 0, 416, "bytes */0"),
        ("lines=1-2", 100, 200, None),
    ],
)
def test_a_range_is_served_as_the_standard_has_it(wanted, size, status, shown):
    whole = served(link_to(f"files/{ID}"), size=size)
    part = served(link_to(f"files/{ID}"), size=size, Range=wanted)
    assert (part.status, part.headers.get("Content-Range")) == (status, shown)
    if status == 206:
        first, last = shown.removeprefix("bytes ").partition("/")[0].split("-")
        assert part.body == whole.body[int(first) : int(last) + 1]


def test_a_range_of_other_bytes_than_those_that_are_known_is_answered_with_the_whole():
    assert served(link_to(f"files/{ID}"), Range="bytes=10-", If_Range='"another"').status == 200


def test_an_upload_is_taken_at_the_address_that_its_start_has_named():
    storage = Storage(list, SandboxSettings(), 7)
    started = storage.begin_upload({"X-Amz-Signature": "u1", "X-Amz-Expires": "60"}, BASE, NOW)
    link = f"{started['url']}?X-Amz-Signature=u1"
    assert served(link, storage=storage, method="PUT", body=b"abc").status == 200
    assert storage.uploads == {"u1": b"abc"}
    with pytest.raises(Refusal, match="its time is over"):
        served(link, storage=storage, method="PUT", later=61.0)
