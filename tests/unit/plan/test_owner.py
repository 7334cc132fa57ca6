"""Whose records they are: every fact and every answer has one outcome."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cases import for_each
from tonicdm.plan.owner import OwnerFacts, Ownership, determine_owner
from tonicdm.plan.steps import Outcome, StepKind, Trouble

NOW = "2027-01-01T00:00:00Z"


@for_each(
    ("facts", "answer", "expected"),
    [
        ({"organization": "a"}, {"organization": "a"}, Ownership.SAME),
        ({"organization": "a"}, {"organization": "b"}, Ownership.OTHER),
        ({"organization": "a", "rebind": True}, {"organization": "b"}, Ownership.REBOUND),
        ({}, {"organization": "b"}, Ownership.FIRST),
        ({"organizations": frozenset("ab")}, {"organization": "b"}, Ownership.FIRST),
        ({"organizations": frozenset("a")}, {"organization": "b"}, Ownership.OTHER),
        ({"organizations": frozenset("a"), "rebind": True}, {"organization": "b"}, Ownership.REBOUND),
        ({"organization": "a", "rebind": True}, {"trouble": Trouble.REFUSED}, Ownership.UNCERTAIN),
        ({"organization": "a", "rebind": True}, {}, Ownership.UNCERTAIN),
    ],
)
def test_one_call_tells_whose_the_records_are(
    facts: dict[str, Any], answer: dict[str, Any], expected: Ownership
) -> None:
    steps = determine_owner(OwnerFacts(known=False, **facts))
    assert next(steps).kind is StepKind.OWNER
    with pytest.raises(StopIteration) as ended:
        steps.send(Outcome(at=NOW, **answer))
    assert ended.value.value is expected


def test_a_known_token_costs_no_call() -> None:
    steps = determine_owner(OwnerFacts(known=True))
    with pytest.raises(StopIteration) as ended:
        next(steps)
    assert ended.value.value is Ownership.KNOWN
