"""The commands `filter` and `relabel`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from dlgeom.converters.report import Report

__all__ = ["filter_command", "relabel"]


def _run(function: Any, doing: str, settings: dict[str, Any]) -> int:
    as_json, quiet = settings.pop("as_json"), settings.pop("quiet")
    strict, fail_on_loss = settings.pop("strict"), settings.pop("fail_on_loss")
    settings.pop("debug")
    check_formats(settings["from_format"], settings["to_format"])
    with Bar(quiet or as_json, doing) as progress:
        report: Report = function(
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


@click.command("filter", cls=ReadWriteCommand, context_settings=CONTEXT)
@click.argument("source", type=click.Path())
@click.argument("target", type=click.Path())
@target_options()
@worker_options()
@shared_options()
def filter_command(**settings: Any) -> int:
    """Write what --where, --include-label, --exclude-label or --subset leave of SOURCE.

    The format is that of SOURCE unless --to says another.
    """
    from dlgeom.operations import filter_dataset

    return _run(filter_dataset, "filtering", settings)


def _renames(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for text in values:
        old, given, new = text.partition("=")
        if not given or not old or old in found:
            raise click.BadParameter(f"{text!r} is no OLD=NEW, or names a label twice")
        found[old] = new or None
    return found


@click.command(cls=ReadWriteCommand, context_settings=CONTEXT)
@click.argument("source", type=click.Path())
@click.argument("target", type=click.Path())
@click.option(
    "--rename",
    metavar="OLD=NEW",
    multiple=True,
    callback=_renames,
    help="New name of a label (repeatable); 'OLD=' leaves it out. --label-map takes a file.",
)
@target_options()
@worker_options()
@shared_options()
def relabel(rename: dict[str, str | None], label_map: str | None, **settings: Any) -> int:
    """Write SOURCE under new names of labels, from --rename or --label-map.

    The format is that of SOURCE unless --to says another.
    """
    from dlgeom.converters.choice import read_label_map
    from dlgeom.operations import relabel as run_relabel

    names = dict(rename)
    if label_map is not None:
        names = {**read_label_map(Path(label_map), settings["limits"]), **names}
    return _run(run_relabel, "relabelling", {**settings, "label_map": names})
