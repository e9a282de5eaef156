"""The program and its commands."""

from __future__ import annotations

import click

from dlgeom._version import __version__
from dlgeom.cli.base import CONTEXT, Group
from dlgeom.cli.choosing import filter_command, relabel
from dlgeom.cli.convert import convert
from dlgeom.cli.diff import diff
from dlgeom.cli.facts import info, list_formats
from dlgeom.cli.merge import merge
from dlgeom.cli.render import render
from dlgeom.cli.split import split
from dlgeom.cli.stats import stats
from dlgeom.cli.validate import validate
from dlgeom.cli.video import video
from dlgeom.cli.view import view

__all__ = ["program"]


@click.group(cls=Group, context_settings=CONTEXT, invoke_without_command=True)
@click.version_option(__version__, prog_name="dlgeom")
@click.pass_context
def program(ctx: click.Context) -> None:
    """Annotation geometry and format conversion: exact, fast, nothing lost in silence."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


for command in (
    convert,
    diff,
    filter_command,
    list_formats,
    info,
    merge,
    relabel,
    render,
    split,
    stats,
    validate,
    video,
    view,
):
    program.add_command(command)
