"""The command `stats`."""

from __future__ import annotations

from typing import Any

import click

from dlgeom.cli.base import CONTEXT
from dlgeom.cli.options import ReadCommand, check_formats, shared_options
from dlgeom.cli.output import print_json

__all__ = ["stats"]


@click.command(cls=ReadCommand, context_settings=CONTEXT)
@click.argument("path", type=click.Path())
@click.option(
    "--plot", "plot_file", metavar="FILE", type=click.Path(), help="Draw charts: .png, .svg, .pdf."
)
@click.option("--overwrite", is_flag=True, help="Replace the file of --plot.")
@shared_options()
def stats(
    path: str,
    plot_file: str | None,
    overwrite: bool,
    from_format: str | None,
    strict: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
    **settings: Any,
) -> int:
    """Count and measure PATH: boxes, areas, aspects, points, frames, by label.

    Rows of measures are smallest .. quartile .. median .. quartile .. largest; the table of labels
    has medians.
    """
    from dlgeom.stats import statistics

    check_formats(from_format)
    if plot_file is not None:
        from dlgeom.stats.plot import check_plot

        check_plot(plot_file, overwrite=overwrite)
    found = statistics(
        path,
        from_format=from_format,
        on_error="raise" if strict else "skip",
        **{name: value for name, value in settings.items() if value is not None},
    )
    if plot_file is not None:
        from dlgeom.stats.plot import save_plot

        save_plot(found, plot_file, overwrite=overwrite)
    if as_json:
        print_json(found.to_dict())
    elif not quiet:
        click.echo(found.table())
        if plot_file is not None:
            click.echo(f"charts: {plot_file}")
    return found.exit_code
