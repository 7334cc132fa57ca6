"""Elements of thumbnailArray are told by their form: the reference shows none."""

from __future__ import annotations

import base64
import pathlib

import pytest

from tests.cases import for_each
from tonicdm import DownloadError, Secret
from tonicdm.transfer.pictures import _saved, picture_of, save_thumbnails

PNG = b"\x89PNG\r\n\x1a\n...."
TEXT = base64.b64encode(PNG).decode()
LINK = "https://files.example.org/a.png?sig=x"


@pytest.mark.parametrize(
    ("element", "field", "found"),
    [
        (TEXT, None, PNG),
        (f"data:image/png;base64,{TEXT}", None, PNG),
        ({"size": "small", "content": TEXT, "width": 96}, None, PNG),
        ({"a": TEXT, "b": LINK}, "a", PNG),
    ],
)
def test_a_picture_is_known(element: object, field: str | None, found: bytes):
    assert picture_of(element, field) == found


@pytest.mark.parametrize(
    ("element", "field"), [(LINK, None), ({"size": "small", "url": LINK}, None), ({"a": LINK, "b": LINK}, "b")]
)
def test_a_link_is_known(element: object, field: str | None):
    found = picture_of(element, field)
    assert isinstance(found, Secret)
    assert found.reveal() == LINK


@for_each(
    ("element", "match"),
    [
        (None, "is a NoneType"),
        (5, "is a int"),
        ("", "is a str"),
        ("just a text", "is a str"),
        ({"size": "small"}, r"fields size, and none of its fields is"),
        ({"a": LINK, "b": LINK}, r"fields a, b, and 2 of its fields are"),
        ({"a": LINK}, "none of its fields is"),
    ],
)
def test_what_is_none_is_named_by_its_fields_alone(element: object, match: str):
    """No value is repeated: it may be a signed link."""
    with pytest.raises(DownloadError, match=match) as caught:
        picture_of(element, "c" if element == {"a": LINK} else None)
    assert LINK not in str(caught.value)


async def test_a_picture_that_is_in_the_answer_itself_becomes_a_file_by_its_form(tmp_path: pathlib.Path):
    saved = await _saved(object(), PNG, tmp_path, "f1", allow_private=False)  # type: ignore[arg-type]
    assert (saved.path, saved.size) == (tmp_path / "f1.png", len(PNG))
    assert (tmp_path / "f1.png").read_bytes() == PNG


async def test_thumbnails_are_not_asked_for_where_their_folder_is_missing(tmp_path: pathlib.Path):
    with pytest.raises(DownloadError, match="no folder"):
        await save_thumbnails(object(), [], tmp_path / "none", size="small", field=None, allow_private=False)  # type: ignore[arg-type]
