"""The command `convert`."""

from __future__ import annotations

from typing import Any

import click

from dlgeom.cli.base import CONTEXT
from dlgeom.cli.options import (
    ReadWriteCommand,
    check_formats,
    shared_options,
    target_options,
    worker_options,
)
from dlgeom.cli.output import Bar, print_json

__all__ = ["convert"]


@click.command(cls=ReadWriteCommand, context_settings=CONTEXT)
@click.argument("source", type=click.Path())
@click.argument("target", type=click.Path())
@click.option(
    "--sidecar",
    is_flag=True,
    help="Leave one small file beside TARGET with what it cannot hold: used when it is read again.",
)
@target_options()
@worker_options()
@shared_options()
def convert(
    source: str,
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
    """Convert the data set SOURCE into TARGET.

    Formats are recognised from SOURCE and from TARGET's suffix; a folder as TARGET needs --to.
    """
    from dlgeom.converters.pipeline import convert as run_convert

    check_formats(from_format, to_format)
    with Bar(quiet or as_json) as progress:
        report = run_convert(
            source,
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
        task = f", task {report.task}" if report.task else ""
        done = "would be written" if report.dry_run else "written"
        click.echo(f"{report.target_format}{task} {done}: {report.target}")
    return report.exit_code(fail_on_loss=fail_on_loss)
