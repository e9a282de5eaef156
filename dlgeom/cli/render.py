"""The command `render`."""

from __future__ import annotations

from typing import Any

import click

from dlgeom.cli.base import CONTEXT, Choice
from dlgeom.cli.options import ReadCommand, check_formats, shared_options
from dlgeom.cli.output import Bar, print_json

__all__ = ["render"]


@click.command(cls=ReadCommand, context_settings=CONTEXT)
@click.argument("path", type=click.Path())
@click.argument("out", type=click.Path())
@click.option(
    "--kind",
    type=Choice(["overlay", "mask", "instance", "object-id", "panoptic"], case_sensitive=False),
    default="overlay",
    show_default=True,
    help="Images with annotations, colours, ids of labels, ids of objects, COCO's panoptic.",
)
@click.option("--ext", default="png", show_default=True, help="Ending of the pictures.")
@click.option("--sheet", is_flag=True, help="Write contact-sheet.png with all pictures, small.")
@click.option("--alpha", type=click.FloatRange(0, 1), help="Opacity. Default: 0.4 for overlays.")
@click.option("--thickness", type=int, help="Of outlines in pixels; -1 fills.")
@click.option("--text/--no-text", "with_text", default=True, help="Write labels and scores.")
@click.option("--legend", is_flag=True, help="Draw a legend of the labels.")
@click.option(
    "--color-by",
    type=Choice(["label", "instance", "object"]),
    default="label",
    show_default=True,
    help="What colours tell apart.",
)
@click.option("--safe-colors", is_flag=True, default=None, help="Colours for the colour-blind.")
@click.option(
    "--trail",
    type=click.IntRange(0),
    default=0,
    help="Of videos: draw the way over so many frames.",
)
@click.option(
    "--order",
    type=Choice(["documented", "given", "area", "z"]),
    help="Who is painted first: masks; as given; the largest; the least attribute z. "
    "Default: documented; given for panoptic.",
)
@click.option(
    "--boundary",
    type=click.IntRange(0, 1000),
    default=0,
    help="Void pixels (255) along edges of ids.",
)
@click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that draw."
)
@click.option("--overwrite", is_flag=True, help="Replace what OUT holds.")
@shared_options()
def render(
    path: str,
    out: str,
    from_format: str | None,
    strict: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
    **settings: Any,
) -> int:
    """Draw every item of PATH into the folder OUT; a video becomes a video."""
    from dlgeom.rendering import render_dataset

    check_formats(from_format)
    with Bar(quiet or as_json, "drawing") as progress:
        report = render_dataset(
            path,
            out,
            from_format=from_format,
            on_error="raise" if strict else "skip",
            progress=progress,
            **{name: value for name, value in settings.items() if value is not None},
        )
    if as_json:
        print_json(report.summary())
    elif not quiet:
        for kind in report.codes.values():
            click.echo(report.line(kind))
        click.echo(f"{report.images:,} items, {report.written:,} annotations drawn: {out}")
    return report.exit_code()
