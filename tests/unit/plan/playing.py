"""Runs of the plan over outcomes that a test names, as the run of a sync makes them over those of a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.passes import Watermark, run_type
from tonicdm.plan.steps import Outcome, Step, StepKind

UNTIL = "2026-01-01T00:00:00+00:00"
NOW = "2026-01-02T00:00:00+00:00"

Outcomes = Mapping[StepKind, Sequence[Outcome]]


@attrs.frozen
class Played:
    """A run to its end."""

    steps: list[Step]
    watermark: Watermark | None
    """What was earned; None where the run was stopped."""

    @property
    def kinds(self) -> list[StepKind]:
        return [step.kind for step in self.steps]

    @property
    def earned(self) -> Watermark:
        assert self.watermark is not None
        return self.watermark


def came(count: int = 0, **shown: object) -> Outcome:
    """Return the outcome of a call that brought so many elements, none of which was shown before."""
    return Outcome(**{"at": NOW, "count": count, "fresh": count} | shown)


def play(facts: TypeFacts, outcomes: Outcomes) -> Played:
    """Run a type over the outcomes of each kind of step, in their order; behind the last one, nothing comes."""
    left = {kind: list(given) for kind, given in outcomes.items()}
    run = run_type(facts)
    steps: list[Step] = []
    try:
        step = next(run)
        while True:
            steps.append(step)
            assert len(steps) < 200, "a run has an end"
            if step.kind is StepKind.STOP:
                return Played(steps, None)
            given = left.get(step.kind)
            step = run.send(given.pop(0) if given else came())
    except StopIteration as ended:
        return Played(steps, ended.value)
