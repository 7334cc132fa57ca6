"""Names that strangers propose become names of one file in one folder, on every system."""

from __future__ import annotations

import pathlib
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm.transfer.names import MAX_BYTES, UNNAMED, numbered, proposed_name, safe_name

DEVICES = (
    "con",
    "prn",
    "aux",
    "nul",
    "conin$",
    "conout$",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
)


@given(
    st.text(st.characters(exclude_categories=())) | st.sampled_from(["..", ".", "", "...", "CON", "com¹.txt", "-rf"])
)
@example("../../etc/passwd")
@example("..\\..\\Windows\\win.ini")
@example("C:evil.txt")
@example("file.txt:stream")
@example("nul .txt")
@example("AUX.tar.gz")
@example("x\u202egpj.exe")
@example("a\u2028b")
@example("\ud800")
@example("ä" * 500 + ".pdf")
@example("x." + "e" * 500)
@example("\uff0e\uff0e\uff0fetc")
def test_a_safe_name_is_one_name_on_every_system(text: str):
    """No folder, no device, no hidden file, no option of a command, nothing that shows another name than it has."""
    name = safe_name(text)
    assert name
    assert len(name.encode()) <= MAX_BYTES
    assert pathlib.PurePosixPath(name).name == pathlib.PureWindowsPath(name).name == name
    assert not set(name) & set('<>:"/\\|?*\u2044\u2215\uff0f\uff3c')
    assert not {unicodedata.category(letter) for letter in name} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert name[0] not in ".- "
    assert name[-1] not in ". "
    assert name.split(".")[0].rstrip().lower() not in DEVICES
    assert safe_name(name) == name, "a safe name stays as it is"


@for_each(
    ("disposition", "path", "name"),
    [
        ('attachment; filename="a.pdf"', "/x", "a.pdf"),
        ("attachment; filename=fallback.pdf; filename*=UTF-8''%e2%82%ac%20rates.pdf", "/x", "€ rates.pdf"),
        ("attachment; filename*=iso-8859-1'en'%A3%20rates.pdf", "/x", "£ rates.pdf"),
        ('attachment; filename*0="long-"; filename*1="name.pdf"', "/x", "long-name.pdf"),
        ("attachment; filename*=unknown''x.pdf; filename=y.pdf", "/x", "y.pdf"),
        ("attachment; filename*=UTF-8''bad%ff.pdf", "/files/from-link.pdf", "from-link.pdf"),
        ('ATTACHMENT; FILENAME="A.PDF"', "/x", "A.PDF"),
        ('attachment; filename="a\udce9.pdf"', "/x", "aé.pdf"),
        ("attachment", "/files/a%20b.dwg", "a b.dwg"),
        ("attachment; filename=", "/files/", UNNAMED),
        ("", "", UNNAMED),
        (None, "/a/%2e%2e%5cb.txt", "b.txt"),
        (';;;=;"', "/files/x.pdf", "x.pdf"),
    ],
)
def test_the_header_goes_before_the_link(disposition: str | None, path: str, name: str):
    """RFC 6266: filename* before filename, either before the link's last part; what can't be read is left out."""
    assert proposed_name(disposition, path) == name


@given(st.text(), st.text())
def test_no_header_breaks_it(disposition: str, path: str):
    assert safe_name(proposed_name(disposition, path)) == proposed_name(disposition, path)


@pytest.mark.parametrize(
    ("name", "made"), [("a.pdf", "a (2).pdf"), ("a.tar.gz", "a.tar (2).gz"), ("README", "README (2)")]
)
def test_a_number_stands_before_the_extension(name: str, made: str):
    assert numbered(name, 2) == made
