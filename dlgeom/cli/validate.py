"""The command `validate`."""

from __future__ import annotations

from typing import Any

import click

from dlgeom.cli.base import CONTEXT
from dlgeom.cli.options import ReadWriteCommand, check_formats, shared_options
from dlgeom.cli.output import print_json
from dlgeom.errors import UsageError

__all__ = ["validate"]


@click.command(cls=ReadWriteCommand, context_settings=CONTEXT)
@click.argument("path", type=click.Path())
@click.option("--fix", metavar="OUT", type=click.Path(), help="Write a repaired copy.")
@click.option("--overwrite", is_flag=True, help="Replace what OUT holds.")
@click.option(
    "--examples",
    metavar="N",
    type=click.IntRange(min=0),
    help="Faults of each code to list. Default: 20, and 10000 in JSON.",
)
@shared_options()
def validate(
    path: str,
    from_format: str | None,
    examples: int | None,
    strict: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
    **settings: Any,
) -> int:
    """Tell every fault of PATH with file, location, id and code; --fix OUT repairs a copy.

    Exit code 0: notices at most; 1: faults.
    """
    from dlgeom.operations import validate as run_validate

    check_formats(from_format)
    chosen = ("label_map", "include_labels", "exclude_labels", "where")
    if strict or any(settings.pop(name) for name in chosen):
        raise UsageError("all of a data set is validated; leave out --strict and what chooses")
    listed = examples if examples is not None else 10_000 if as_json else 20
    found = run_validate(
        path,
        from_format=from_format,
        examples=listed,
        **{name: value for name, value in settings.items() if value is not None},
    )
    if as_json:
        print_json(found.to_dict())
    elif not quiet:
        click.echo(found.table(listed))
        if found.report.target:
            click.echo(f"repaired copy: {found.report.target}")
    return found.exit_code
