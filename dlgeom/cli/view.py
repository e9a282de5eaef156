"""The command `view`."""

from __future__ import annotations

from typing import Any

import click

from dlgeom.cli.base import CONTEXT, Choice
from dlgeom.cli.options import ReadCommand, check_formats, shared_options
from dlgeom.cli.output import Bar, print_json

__all__ = ["view"]


@click.command(cls=ReadCommand, context_settings=CONTEXT)
@click.argument("path", type=click.Path())
@click.option(
    "--out",
    "-o",
    metavar="FILE",
    type=click.Path(),
    default="view.html",
    show_default=True,
    help="The page to write.",
)
@click.option(
    "--embed/--no-embed",
    default=None,
    help="Put images and annotations into the page, or leave them beside it. Default: by size.",
)
@click.option("--thumbnails/--no-thumbnails", default=True, help="Make small pictures.")
@click.option(
    "--to",
    "to_format",
    metavar="FORMAT",
    help="Show what a conversion to FORMAT could not keep.",
)
@click.option(
    "--task",
    type=Choice(["detect", "segment", "pose", "obb", "classify"], case_sensitive=False),
    help="For --to, as in 'dlgeom convert'.",
)
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(),
    help="Show the entries of a report that 'dlgeom convert' wrote.",
)
@click.option("--overwrite", is_flag=True, help="Replace the page.")
@shared_options()
def view(
    path: str,
    out: str,
    from_format: str | None,
    to_format: str | None,
    strict: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
    **settings: Any,
) -> int:
    """Write one HTML page to look through PATH: pictures, filters, charts; without a network."""
    from dlgeom.view import view as write_view

    check_formats(from_format, to_format)
    with Bar(quiet or as_json, "looking") as progress:
        report = write_view(
            path,
            out,
            from_format=from_format,
            to_format=to_format,
            on_error="raise" if strict else "skip",
            progress=progress,
            **{name: value for name, value in settings.items() if value is not None},
        )
    if as_json:
        print_json({"page": out, "codes": report.summary()["codes"]})
    elif not quiet:
        for kind in report.codes.values():
            click.echo(report.line(kind))
        click.echo(f"page written: {out}")
    return report.exit_code()
