"""Which types of a run begin, and which wait for others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tonicdm.plan.order import Beginning, beginnings
from tonicdm.store.types import TYPES

PARENTS = {name: record_type.parents for name, record_type in TYPES.items()}


def test_a_type_that_is_listed_by_anothers_records_follows_it() -> None:
    names = ("team", "offices", "projects", "filesets", "files")
    assert beginnings({name: PARENTS[name] for name in names}) == [
        Beginning("offices"),
        Beginning("projects", ("team",)),
        Beginning("files", ("filesets",)),
    ]


def test_a_type_whose_parent_is_not_read_begins_at_once() -> None:
    assert beginnings({"team": "projects", "offices": None}) == [Beginning("team"), Beginning("offices")]


@given(st.dictionaries(st.sampled_from("abcdef"), st.none() | st.sampled_from("abcdef"), max_size=6))
def test_every_type_has_its_turn_once_and_behind_its_parent(parents: dict[str, str | None]) -> None:
    """Whoever follows is begun by the same function once the one it waits for is done; circles end."""
    done: list[str] = []
    waiting = [(beginning, {**parents}) for beginning in beginnings(parents)]
    for beginning, _ in waiting:
        done.append(beginning.record_type)
        waiting += [(each, parents) for each in beginnings({name: parents[name] for name in beginning.followers})]
    assert sorted(done) == sorted(parents) or _has_circle(parents)
    assert len(done) == len(set(done))
    for name in done:
        parent = parents[name]
        if parent in done and not _has_circle(parents):
            assert done.index(name) > done.index(str(parent))


def _has_circle(parents: dict[str, str | None]) -> bool:
    for name in parents:
        seen, at = set[str](), name
        while (parent := parents.get(at)) is not None:
            if at in seen:
                return True
            seen.add(at)
            at = parent
    return False
