"""The command `diff`."""

from __future__ import annotations

from typing import Any

import click

from dlgeom.cli.base import CONTEXT
from dlgeom.cli.options import ReadCommand, check_formats, shared_options
from dlgeom.cli.output import print_json

__all__ = ["diff"]


@click.command(cls=ReadCommand, context_settings=CONTEXT)
@click.argument("a", type=click.Path())
@click.argument("b", type=click.Path())
@click.option("--from-b", "b_format", metavar="FORMAT", help="Format of B; --from is that of A.")
@click.option(
    "--atol",
    metavar="PIXELS",
    type=click.FloatRange(min=0),
    help="Distance that is no difference. Default: 0, and 0.01 between two formats.",
)
@click.option(
    "--ignore",
    metavar="FIELD",
    multiple=True,
    help="Field that does not count (repeatable): score, id, attributes, geometry, image.width...",
)
@click.option(
    "--examples",
    metavar="N",
    type=click.IntRange(min=0),
    help="Differences of each field to list. Default: 20, and 1000 in JSON.",
)
@shared_options()
def diff(
    a: str,
    b: str,
    from_format: str | None,
    b_format: str | None,
    examples: int | None,
    strict: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
    **settings: Any,
) -> int:
    """Tell what differs between the data sets A and B, of any formats.

    Exit code 0: nothing; 1: something, or records that could not be read.
    """
    from dlgeom.operations import diff as compare

    check_formats(from_format, b_format)
    listed = examples if examples is not None else 1_000 if as_json else 20
    found = compare(
        a,
        b,
        from_format=from_format,
        b_format=b_format,
        examples=listed,
        on_error="raise" if strict else "skip",
        **{name: value for name, value in settings.items() if value is not None},
    )
    if as_json:
        print_json(found.to_dict())
    elif not quiet:
        click.echo(found.table(listed))
    return found.exit_code
