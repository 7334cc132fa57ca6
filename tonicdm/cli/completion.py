"""``tonicdm completion``: the script that makes a shell complete the command."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from tonicdm.cli.text import echo

VARIABLE = "_TONICDM_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes SHELL complete commands, options and record types.

    In ~/.bashrc: eval "$(tonicdm completion bash)". In ~/.zshrc: eval "$(tonicdm completion zsh)". For fish: tonicdm
    completion fish > ~/.config/fish/completions/tonicdm.fish.
    """
    root = click.get_current_context().find_root().command
    script = get_completion_class(shell)
    assert script is not None
    echo(script(root, {}, "tonicdm", VARIABLE).source())
