"""The command `split`."""

from __future__ import annotations

from typing import Any

import click

from dlgeom.cli.base import CONTEXT
from dlgeom.cli.options import ReadWriteCommand, check_formats, shared_options, target_options
from dlgeom.cli.output import Bar, print_json

__all__ = ["split"]


def _parts(ctx: click.Context, parameter: click.Parameter, value: str) -> dict[str, float]:
    parts: dict[str, float] = {}
    for text in value.split(","):
        name, found, share = (piece.strip() for piece in text.rpartition("="))
        try:
            number = float(share)
        except ValueError:
            found = ""
        if not found or not name or name in parts:
            raise click.BadParameter(f"{text!r} is no NAME=SHARE; like train=0.8,val=0.1,test=0.1")
        parts[name] = number
    return parts


@click.command(cls=ReadWriteCommand, context_settings=CONTEXT)
@click.argument("source", type=click.Path())
@click.argument("target", type=click.Path())
@click.option(
    "--parts",
    metavar="NAME=SHARE,...",
    required=True,
    callback=_parts,
    help="Parts and their shares: train=0.8,val=0.1,test=0.1.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Which of many splits.")
@click.option("--stratify", is_flag=True, help="Give each label its share in each part.")
@click.option(
    "--group",
    metavar="folder|FIELD",
    help="Keep images of a folder, or of one value of a field, in one part.",
)
@target_options()
@shared_options()
def split(
    source: str,
    target: str,
    parts: dict[str, float],
    from_format: str | None,
    to_format: str | None,
    strict: bool,
    fail_on_loss: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
    **settings: Any,
) -> int:
    """Write SOURCE in parts into the folder TARGET: at random, stratified, in groups.

    The format is that of SOURCE unless --to says another.
    """
    from dlgeom.operations import split as run_split

    check_formats(from_format, to_format)
    with Bar(quiet or as_json, "splitting") as progress:
        done = run_split(
            source,
            target,
            parts,
            from_format=from_format,
            to_format=to_format,
            on_error="raise" if strict else "skip",
            progress=progress,
            **{name: value for name, value in settings.items() if value is not None},
        )
    if as_json:
        print_json(done.summary())
    elif not quiet:
        click.echo(done.report.table())
        click.echo(done.table())
        wrote = "would be written" if done.report.dry_run else "written"
        click.echo(f"{done.report.target_format} {wrote}: {done.report.target}")
    return done.report.exit_code(fail_on_loss=fail_on_loss)
