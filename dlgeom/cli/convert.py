"""The command `convert`."""

from __future__ import annotations

from typing import Any

import click

from dlgeom.cli.base import CONTEXT, Choice
from dlgeom.cli.options import ReadWriteCommand, check_formats, shared_options
from dlgeom.cli.output import Bar, print_json

__all__ = ["convert"]


@click.command(cls=ReadWriteCommand, context_settings=CONTEXT)
@click.argument("source", type=click.Path())
@click.argument("target", type=click.Path())
@click.option("--to", "to_format", metavar="FORMAT", help="Format of TARGET.")
@click.option(
    "--task",
    type=Choice(["detect", "segment", "pose", "obb", "classify"], case_sensitive=False),
    help="For targets that hold one kind (YOLO, VOC). Default: the richest that SOURCE fills.",
)
@click.option(
    "--image-files",
    type=Choice(["none", "copy", "link"]),
    default="none",
    show_default=True,
    help="Whether TARGET also gets the images.",
)
@click.option(
    "--frames",
    metavar="annotated|key|all|none|N",
    default="annotated",
    show_default=True,
    help="Which frames of videos become images of a target that holds images.",
)
@click.option("--report", metavar="FILE", type=click.Path(), help="Write the report as JSON.")
@click.option("--fail-on-loss", is_flag=True, help="Exit code 1 if TARGET cannot hold everything.")
@click.option("--dry-run", is_flag=True, help="Report only, write nothing.")
@click.option("--overwrite", is_flag=True, help="Replace what TARGET holds.")
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
