"""The program and its commands."""

from __future__ import annotations

from importlib import import_module

import click

from dlgeom._version import __version__
from dlgeom.cli.base import CONTEXT, Group

__all__ = ["program"]

# Command -> module below `dlgeom.cli` and function there.
_COMMANDS = {
    "convert": ("convert", "convert"),
    "diff": ("diff", "diff"),
    "filter": ("choosing", "filter_command"),
    "formats": ("facts", "list_formats"),
    "info": ("facts", "info"),
    "merge": ("merge", "merge"),
    "relabel": ("choosing", "relabel"),
    "render": ("render", "render"),
    "split": ("split", "split"),
    "stats": ("stats", "stats"),
    "validate": ("validate", "validate"),
    "video": ("video", "video"),
    "view": ("view", "view"),
}


class Program(Group):
    """The group of all commands; each is loaded when it is asked for, by name or for help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order of the alphabet."""
        return sorted({*_COMMANDS, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None if there is none of that name."""
        if cmd_name in _COMMANDS and cmd_name not in self.commands:
            module, function = _COMMANDS[cmd_name]
            found: click.Command = getattr(import_module(f"dlgeom.cli.{module}"), function)
            self.add_command(found, cmd_name)
        return self.commands.get(cmd_name)


@click.group(cls=Program, context_settings=CONTEXT, invoke_without_command=True)
@click.version_option(__version__, prog_name="dlgeom")
@click.pass_context
def program(ctx: click.Context) -> None:
    """Annotation geometry and format conversion: exact, fast, nothing lost in silence."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)
