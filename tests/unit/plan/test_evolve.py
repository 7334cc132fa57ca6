"""Values of a plan are copied as attrs copies them."""

from __future__ import annotations

import attrs
import pytest

from tests.cases import for_each
from tonicdm.plan.evolve import evolve
from tonicdm.plan.progress import Phase, Progress
from tonicdm.plan.steps import Outcome, Stage, Step, StepKind

PROGRESS = Progress(todo=(Phase.LOAD,), page=3)


@attrs.frozen(slots=False)
class Finished:
    page: int
    seen: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "seen", self.page)


@attrs.frozen(slots=False)
class Converting:
    page: int = attrs.field(converter=int)


@for_each(
    ("value", "change"),
    [
        (PROGRESS, {"page": 4, "since": "2026-01-01T00:00:00Z"}),
        (PROGRESS, {}),
        (Outcome(at="1"), {"at": "2"}),
        (Step(record_type="rfis", kind=StepKind.STOP, stage=Stage.CHANGES), {"page_size": 7}),
    ],
)
def test_a_copy_is_what_attrs_makes_and_its_original_stays(value, change):
    before = attrs.asdict(value)
    made = evolve(value, **change)
    assert made == attrs.evolve(value, **change)
    assert hash(made) == hash(attrs.evolve(value, **change))
    assert attrs.asdict(value) == before
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.page = 1


def test_a_field_that_there_is_not_is_an_error():
    with pytest.raises(TypeError, match="pages_left"):
        evolve(PROGRESS, pages_left=2)


@for_each("value", [Finished(1), Converting("1"), attrs.make_class("Slotted", ["page"], slots=True)(1)])
def test_what_a_class_makes_of_its_values_is_made_of_the_copy_too(value):
    made = evolve(value, page="2")
    assert made == attrs.evolve(value, page="2")
    assert getattr(made, "seen", "2") == "2"
