"""Text for terminals: what could steer one is an escape, and a table fits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tonicdm.cli.text import GAP, MIN_WIDTH, Column, fit, number, printable, wrapped


@given(st.text(st.characters(exclude_categories=())))
def test_no_control_character_is_left_and_readable_text_stays(text: str) -> None:
    shown = printable(text)
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in shown)
    assert not any(0xD800 <= ord(character) <= 0xDFFF for character in shown)
    if text.isprintable():
        assert shown == text


def test_escapes_are_those_that_people_know() -> None:
    assert printable("a\tb\nc\rd\x1b[2J\x9b\u202e\U000e0001") == "a\\tb\\nc\\rd\\x1b[2J\\x9b\\u202e\\U000e0001"
    assert printable("Wall [/b] Łódź\u00a0漢字") == "Wall [/b] Łódź\u00a0漢字"


COLUMNS = [Column("id", whole=True), Column("name"), number("units"), Column("note")]
CELLS = st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), max_size=60)
ROWS = st.lists(st.tuples(CELLS.map(lambda text: text[:20]), CELLS, st.integers(0, 99_999).map(str), CELLS), max_size=5)


@given(ROWS, st.integers(45, 160))
def test_a_table_fits_its_width_with_one_line_a_row_and_says_what_is_left_out(
    rows: list[tuple[str, ...]], width: int
) -> None:
    fitted = fit(COLUMNS, rows, width)
    assert len(fitted.lines) == len(rows) + 1
    assert all(cell_len(line) <= width for line in fitted.lines)
    shown = [column for column in COLUMNS if column.name not in fitted.left_out]
    assert shown == COLUMNS[: len(shown)]
    for line, row in zip(fitted.lines[1:], rows, strict=True):
        assert line.startswith(row[0]), "an ID is never cut"


@given(ROWS)
def test_nothing_is_cut_or_left_out_where_there_is_room(rows: list[tuple[str, ...]]) -> None:
    fitted = fit(COLUMNS, rows, 1_000)
    assert not fitted.left_out
    for line, row in zip(fitted.lines[1:], rows, strict=True):
        assert all(cell in line for cell in row)


def test_the_widest_cells_are_cut_first_and_none_below_its_least() -> None:
    rows = [["x" * 32, "y" * 30, "1", "short"]]
    (_, line) = fit(COLUMNS, rows, 32 + 12 + 5 + 5 + 3 * len(GAP)).lines
    assert "short" in line
    assert "y" * 11 + "…" in line
    assert fit(COLUMNS, rows, 32 + MIN_WIDTH + len(GAP)).left_out == ["units", "note"]


def test_columns_of_a_remark_and_its_indent_stay() -> None:
    assert wrapped("  token    ok  of Mel", 80) == ["  token    ok  of Mel"]


@given(st.text(" ab", max_size=80), st.integers(5, 40))
def test_a_remark_is_broken_at_blanks_only(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines)
