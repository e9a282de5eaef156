"""The command `merge`."""

from __future__ import annotations

from typing import Any

import click

from dlgeom.cli.base import CONTEXT, Choice
from dlgeom.cli.options import ReadWriteCommand, check_formats, shared_options, target_options
from dlgeom.cli.output import Bar, print_json

__all__ = ["merge"]


@click.command(cls=ReadWriteCommand, context_settings=CONTEXT)
@click.argument("sources", type=click.Path(), nargs=-1, required=True)
@click.argument("target", type=click.Path())
@click.option(
    "--collisions",
    type=Choice(["rename", "error"]),
    default="rename",
    show_default=True,
    help="What happens to an image whose name an earlier source has.",
)
@target_options()
@shared_options()
def merge(
    sources: tuple[str, ...],
    target: str,
    from_format: str | None,
    to_format: str | None,
    strict: bool,
    fail_on_loss: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
    **settings: Any,
) -> int:
    """Write two or more SOURCES, of any formats, as one data set TARGET.

    The format is that of the first one unless --to says another. Labels are unified by name.
    """
    from dlgeom.operations import merge as run_merge

    check_formats(from_format, to_format)
    with Bar(quiet or as_json, "merging") as progress:
        report = run_merge(
            sources,
            target,
            from_format=from_format,
            to_format=to_format,
            on_error="raise" if strict else "skip",
            progress=progress,
            **{name: value for name, value in settings.items() if value is not None},
        )
    if as_json:
        print_json(report.summary())
    elif not quiet:
        click.echo(report.table())
        wrote = "would be written" if report.dry_run else "written"
        click.echo(f"{report.target_format} {wrote}: {report.target}")
    return report.exit_code(fail_on_loss=fail_on_loss)
