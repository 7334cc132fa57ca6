"""The options of a job that many calls make up: its label, its share of a window, and when it has to be done."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable
from typing import Any

import attrs
import click

from tonicdm.cli.durations import moment_of
from tonicdm.client import TonicDM


@attrs.frozen(kw_only=True)
class Job:
    """How a job may spend."""

    label: str | None = None
    share: float | None = None
    finish_by: str | None = None
    """As it was typed: a time of the day is meant anew in each run."""

    def view(self, tonic: TonicDM) -> TonicDM:
        """Return a view of *tonic* whose calls are this job's.

        Raises:
            ConfigError: An option is out of range.
        """
        if self == Job():
            return tonic
        now = datetime.datetime.now(datetime.UTC)
        finish_by = None if self.finish_by is None else moment_of(self.finish_by, "--finish-by", now)
        return tonic.with_options(label=self.label, share=self.share, finish_by=finish_by)


_OPTIONS = (
    click.option("--label", help="Names the job: its units are counted together, in all processes of the ledger."),
    click.option("--share", type=float, help="What the job may take of each window, such as 0.3; needs --label."),
    click.option("--finish-by", help="Refuse at once what can't be done by then: 06:00, or 2027-01-31T06:00."),
)


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the options of a job, and a `Job` as ``job``."""

    @functools.wraps(command)
    def run(*arguments: Any, **given: Any) -> Any:
        taken = {field.name: given.pop(field.name) for field in attrs.fields(Job)}
        return command(*arguments, job=Job(**taken), **given)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run
