"""Errors speak of arguments of Python; a command line shows them as its own options."""

import click
import pytest

from tonicdm.cli.failures import spelled


@click.command()
@click.option("--max-wait", type=float)
@click.option("--share", type=float)
@click.option("--finish-by")
@click.option("--strategy")
@click.option("--zone")
@click.option("--max-age", type=float)
@click.option("--new-owner", is_flag=True)
@click.option("--lenient", is_flag=True)
@click.option("--monitoring/--no-monitoring", default=True)
def command(**_: object) -> None:
    """A command with an option of each kind."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("longer than max_wait=1 s.", "longer than --max-wait 1 s."),
        ("with share=0.3.", "with --share 0.3."),
        ("max_wait=-1 is no time", "--max-wait -1 is no time"),
        ("before finish_by=2026-11-27 12:00:00 UTC:", "before --finish-by 2026-11-27 12:00:00 UTC:"),
        ('use strategy="query".', "use --strategy query."),
        ("use strategy='search' or 'query'.", "use --strategy 'search' or 'query'."),
        ("give zone= (us, de, ie), or", "give --zone (us, de, ie), or"),
        ("give zone=, or", "give --zone, or"),
        ("check zone=.", "check --zone."),
        ("use new_owner=True.", "use --new-owner."),
        ("use --new-owner (new_owner=True), after which", "use --new-owner, after which"),
        ("with lenient=True, or --lenient", "with --lenient"),
        ("with monitoring=False", "with --no-monitoring"),
        ("with monitoring=True", "with --monitoring"),
        ("GET /a?zone=us&share=1 failed", "GET /a?zone=us&share=1 failed"),
        ("token=, or path_prefix=/v1", "token=, or path_prefix=/v1"),
    ],
)
def test_an_argument_is_shown_as_the_option_that_sets_it(text: str, shown: str):
    """A value stands behind the option's name and a blank; what the command has no option for stays as it is."""
    assert spelled(text, command) == shown


def test_only_options_of_lists_are_shown_as_pairs():
    """Where options of a list are given by -o, so are those that the command has no option of its own for."""

    @click.command()
    @click.option("-o", "pairs", multiple=True)
    def lists(**_: object) -> None: ...

    text = "filter_ids=, page_size=100, filter_office_ids=5 and base_url="
    assert spelled(text, lists) == "-o filter_ids=, -o page_size=100, -o filter_office_ids=5 and base_url="
