"""Command groups that load a command when it runs, and name what was meant when a name is wrong."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import click
from click.shell_completion import CompletionItem

from tonicdm.cli.context import COMMAND, LEVELS, LOG_LEVEL
from tonicdm.cli.failures import adopt_meta, run_guarded


class Entry(NamedTuple):
    """Where a command is.

    Attributes:
        target: A module of `tonicdm.cli` and a name in it, such as ``records:get``.
        help: The line that the list of commands shows.
    """

    target: str
    help: str


class LazyGroup(click.Group):
    """A group whose commands are listed without loading them.

    Args:
        entries: The commands by name.
        arguments: What click's group takes.
    """

    def __init__(self, *arguments: Any, entries: Mapping[str, Entry] | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.entries: Mapping[str, Entry] = entries or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, sorted."""
        return sorted({*self.entries, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command of that name; None where there is none."""
        command = super().get_command(ctx, cmd_name)
        if command is None and cmd_name in self.entries:
            module, _, name = self.entries[cmd_name].target.partition(":")
            command = getattr(importlib.import_module(f"tonicdm.cli.{module}"), name)
        if command is None:
            return None
        # A docstring may be raw: what click reads as "leave these lines alone" is then a backslash and a letter.
        command.help = command.help and command.help.replace("\\b\n", "\b\n")
        runs = not isinstance(command, click.Group) or command.invoke_without_command
        if runs and not any(option is _LOG_LEVEL for option in command.params):
            command.params.append(_LOG_LEVEL)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is named, or say which one may have been meant."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            names = self.list_commands(ctx)
            raise click.UsageError(f"there is no command {args[0]!r}{meant(args[0], names)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        rows = [(name, self._help(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=self._help(ctx, name)) for name in names), *options]

    def _help(self, ctx: click.Context, name: str) -> str:
        if name in self.entries:
            return self.entries[name].help
        command = super().get_command(ctx, name)
        return "" if command is None else command.get_short_help_str(limit=200)


_MAIN_OPTIONS: Final = frozenset({"complete_var", "standalone_mode", "windows_expand_args"})


class Root(LazyGroup):
    """The outermost group: what fails in it ends in one line and a code, never in a traceback."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *more: Any, **extra: Any) -> Any:
        """Run a command line and end the process.

        Args:
            args: The command line; that of the process unless given.
            prog_name: Not heeded: the command has one name, however it was started.
            more: What click's own takes.
            extra: What click's own takes.
        """
        del prog_name
        if not extra.get("standalone_mode", True) or "_TONICDM_COMPLETE" in os.environ:
            return super().main(args, "tonicdm", *more, **extra)
        arguments = list(sys.argv[1:] if args is None else args)
        options = {name: value for name, value in extra.items() if name not in _MAIN_OPTIONS}

        def work() -> None:
            with self.make_context("tonicdm", list(arguments), **options) as context:
                self.invoke(context)

        sys.exit(run_guarded(work, arguments))


class RootContext(click.Context):
    """A context whose `meta` the report of a failure can read when the command is over."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        adopt_meta(self)


Root.context_class = RootContext


def meant(name: str, names: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest ones, or nothing.

    Args:
        name: As it was typed.
        names: Those that there are.
    """
    import difflib

    near = difflib.get_close_matches(name.lower(), list(names), n=2, cutoff=0.7)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _set_log_level(context: click.Context, _option: click.Parameter, value: str | None) -> None:
    context.meta[COMMAND] = context
    context.meta[LOG_LEVEL] = value
    from tonicdm.cli import logs  # not for --help

    logs.configure(value)


_LOG_LEVEL: Final = click.Option(
    ["--log-level"],
    type=click.Choice(LEVELS, case_sensitive=False),
    is_eager=True,
    expose_value=False,
    callback=_set_log_level,
    help="Write what happens to stderr; else TONICDM_LOG says how much and in which form.",
)
