"""What a batch sends, and what its answer says of each operation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cases import for_each
from tonicdm.errors import InvalidOptionError
from tonicdm.rhythm import BatchDelete, BatchPatch
from tonicdm.rhythm.assumed import BatchDialect
from tonicdm.rhythm.batches import outcomes, written
from tonicdm.rhythm.errors import BatchOperationError
from tonicdm.rhythm.models import Contact

WORDS = BatchDialect()
TWO = [BatchPatch("a", {"first_name": "Ana"}), BatchDelete("b")]
SENT = written(TWO, Contact, WORDS, "replace")


def test_a_batch_is_written_with_the_words_of_the_dialect() -> None:
    assert SENT == [
        {"operation": "patch", "id": "a", "patch": [{"op": "replace", "path": "/first_name", "value": "Ana"}]},
        {"operation": "delete", "id": "b"},
    ]


@for_each(
    ("operations", "why"),
    [
        ([], "at least one"),
        ([BatchDelete("a"), BatchDelete("a")], "an earlier one is of"),
        ([BatchDelete("")], "names no record"),
        ([{"id": "a"}], "takes BatchPatch"),
        ([BatchPatch("a", {"colour": "red"})], "colour"),
        ([BatchPatch("a")], "at least one field"),
        ([BatchPatch("a", steps="[")], "no JSON"),
        ([BatchPatch("a", steps='{"op": "add"}')], "a patch is a list"),
        ([BatchPatch("a", steps=[{"op": "add"}])], "needs an op and a path"),
    ],
)
def test_what_can_not_be_sent_is_refused_whole(operations: list[Any], why: str) -> None:
    with pytest.raises(InvalidOptionError, match=why) as caught:
        written(operations, Contact, WORDS, "add")
    assert "Nothing was sent" in str(caught.value)


@for_each(
    ("answer", "failed"),
    [
        ({"error_count": 0, "success_count": 2}, []),
        ({"results": [{"id": "b"}, {"id": "a", "error": "locked"}]}, [0]),
        ({"results": [{}, {"statusCode": 404}], "error_count": 1}, [1]),
        ({"results": [{"status": "success"}, {"status": "FAILED"}], "error_count": 1}, [1]),
        ({"results": [{"success": False}, {"success": True}]}, [0]),
        ({"error_count": 1}, [0, 1]),
        ({"error_count": 1, "results": [{}]}, [0, 1]),
        ([], [0, 1]),
        (None, [0, 1]),
        ({"error_count": "1"}, [0, 1]),
        ({"error_count": 0, "success_count": 1}, [0, 1]),
        ({"error_count": "0", "success_count": "2"}, []),
        ({"results": [{"id": "a"}]}, [1]),
        ({"results": [{"id": "a"}], "success_count": 2}, []),
        ({"results": [{"id": "a"}, {"id": "a", "error": "locked"}]}, [0, 1]),
        ({"results": [{"id": "a"}, {"id": "z", "error": "locked"}]}, [1]),
        ({"results": [{"id": ["a"]}, {"id": None}]}, [0, 1]),
        ({"results": [{"status": "404"}, "failed"]}, [0, 1]),
        ({"results": [{}, {}], "success_count": 1, "error_count": 0}, [0, 1]),
        ({"errors": ["locked"]}, [0, 1]),
        ({}, [0, 1]),
        ({"error_count": float("nan"), "success_count": True}, [0, 1]),
    ],
    ids=str,
)
def test_each_operation_has_its_own_outcome(answer: Any, failed: list[int]) -> None:
    """Results are matched by id or place; what neither a result nor a count calls done is in doubt."""
    found = outcomes(answer, SENT, WORDS)
    assert len(found) == 2
    assert [n for n, one in enumerate(found) if isinstance(one, BatchOperationError)] == failed
    assert all(one.record == "ab"[n] for n, one in enumerate(found) if isinstance(one, BatchOperationError))


def test_an_operation_that_failed_by_its_own_words_keeps_them_where_others_are_in_doubt() -> None:
    found = outcomes({"results": ["failed", 5], "error_count": 2}, SENT, WORDS)
    assert [str(error).count("counts 2 failed") for error in found] == [0, 1]


def test_a_result_that_is_neither_text_nor_object_says_nothing_of_a_failure() -> None:
    assert outcomes({"results": [1, None], "error_count": 0}, SENT, WORDS) == [1, None]
