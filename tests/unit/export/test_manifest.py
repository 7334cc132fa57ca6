"""What a destination says of itself survives being stored, and only its own store's changes are added to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonicdm.errors import ExportError
from tonicdm.export.manifest import ExportedType, Manifest, check, steps
from tonicdm.store.columns import Column, SqlType
from tonicdm.store.feed import Feed

NAMES = st.text(max_size=5)
HELD = st.builds(
    ExportedType,
    position=st.integers(0, 9),
    keep_deleted=st.booleans(),
    columns=st.lists(st.builds(Column, NAMES, NAMES, st.none() | st.sampled_from(SqlType)), max_size=3).map(tuple),
)
MANIFESTS = st.builds(
    Manifest,
    destination=NAMES,
    store=st.sampled_from("ab"),
    run=st.sampled_from("rs"),
    types=st.dictionaries(st.sampled_from(["offices", "persons"]), HELD),
    form=st.sampled_from(["duckdb", "parquet", "csv"]),
    pending=st.lists(NAMES, max_size=2).map(tuple),
)


@given(MANIFESTS)
def test_a_manifest_survives_being_stored(manifest: Manifest) -> None:
    assert Manifest.read(manifest.as_json(), "x") == manifest


@given(st.text() | MANIFESTS.map(lambda one: one.as_json().replace('"version": 1', '"version": 2')))
def test_what_is_no_manifest_or_a_newer_one_is_refused_with_the_place(text: str) -> None:
    with pytest.raises(ExportError, match=r"firm\.duckdb"):
        Manifest.read(text, "firm.duckdb")


@given(MANIFESTS, st.sampled_from("ab"), st.integers(0, 9), st.sets(st.sampled_from("rs")), st.booleans())
def test_changes_add_up_only_with_the_store_and_the_run_that_wrote_the_destination(
    manifest: Manifest, store: str, sequence: int, runs: set[str], full: bool
) -> None:
    behind = all(held.position <= sequence for held in manifest.types.values())
    known = manifest.store == store and manifest.run in runs and behind
    if known or full:
        assert check(manifest, "x", store=store, feed=Feed(sequence), runs=runs, full=full) is known
    else:
        with pytest.raises(ExportError, match=r"another store|restored"):
            check(manifest, "x", store=store, feed=Feed(sequence), runs=runs, full=full)


@given(MANIFESTS, st.booleans(), st.booleans(), st.sets(st.sampled_from(["offices", "persons"])))
def test_a_type_goes_on_from_its_position_only_if_its_table_is_as_it_was_left(
    manifest: Manifest, keep_deleted: bool, full: bool, intact: set[str]
) -> None:
    planned = steps(manifest, ["persons", "offices"], keep_deleted=keep_deleted, full=full, intact=intact, feed=Feed(9))
    assert [step.record_type for step in planned] == ["persons", "offices"]
    for step in planned:
        held = manifest.types.get(step.record_type)
        goes_on = held is not None and not full and step.record_type in intact and held.keep_deleted == keep_deleted
        assert step.after == (held.position if held is not None and goes_on else None)
        # Types never get narrower, so that they are kept even where the rows are not.
        assert step.columns == (held.columns if held is not None and not full else ())
