"""``leadgen completion``: let the shell complete commands, options and names of sign-ins."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

PROGRAM, VARIABLE = "leadgen", "_LEADGEN_COMPLETE"


def add_to(group: click.Group) -> None:
    @group.command()
    @click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
    def completion(shell: str) -> None:
        """Print what the shell must read to complete `leadgen` with the tabulator key.

        \b
        bash:  leadgen completion bash > ~/.local/share/bash-completion/completions/leadgen
        zsh:   leadgen completion zsh > ~/.zfunc/_leadgen     (with ~/.zfunc in fpath)
        fish:  leadgen completion fish > ~/.config/fish/completions/leadgen.fish
        """
        kind = get_completion_class(shell)
        assert kind is not None  # noqa: S101 -- of the choices above
        click.echo(kind(group, {}, PROGRAM, VARIABLE).source())
