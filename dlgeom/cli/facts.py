"""The commands that tell facts: `formats` and `info`."""

from __future__ import annotations

from typing import Any

import click

from dlgeom.cli.base import CONTEXT
from dlgeom.cli.options import ReadCommand, check_formats, shared_options
from dlgeom.cli.output import print_json

__all__ = ["info", "list_formats"]


@click.command("formats", context_settings=CONTEXT)
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def list_formats(as_json: bool, debug: bool) -> int:
    """List the formats: what each can hold, and its options."""
    from dlgeom.converters import registry

    entries = registry.formats().values()
    if as_json:
        table = [
            {
                "name": entry.name,
                "title": entry.title,
                "aliases": entry.aliases,
                "patterns": entry.patterns,
                "read": True,
                "write": True,
                "kinds": entry.kinds,
                "tasks": entry.tasks,
                "options": [
                    {
                        "name": "--" + option.name.replace("_", "-"),
                        "use": option.use,
                        "choices": option.choices,
                        "default": option.default,
                        "help": option.help,
                    }
                    for option in entry.options
                ],
            }
            for entry in entries
        ]
        print_json(table)
        return 0
    for entry in entries:
        click.echo(f"{entry.name}  read, write  {entry.title}")
        click.echo(f"    also      {', '.join(entry.aliases)}")
        click.echo(f"    files     {', '.join(entry.patterns)}")
        click.echo(f"    holds     {', '.join(entry.kinds)}")
        if entry.tasks:
            click.echo(f"    tasks     {', '.join(entry.tasks)}")
        for option in entry.options:
            choices = "|".join(option.choices) or option.kind.__name__
            flag = f"--{option.name.replace('_', '-')} {choices}"
            default = "" if option.default is None else f" (default {option.default})"
            click.echo(f"    {flag:<42} {option.use}: {option.help}{default}")
        click.echo()
    return 0


@click.command(cls=ReadCommand, context_settings=CONTEXT)
@click.argument("path", type=click.Path())
@shared_options()
def info(
    path: str,
    from_format: str | None,
    strict: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
    **settings: Any,
) -> int:
    """Tell what PATH is: format, images, annotations, labels, sizes."""
    from dlgeom.converters.survey import survey

    check_formats(from_format)
    facts = survey(
        path,
        from_format=from_format,
        on_error="raise" if strict else "skip",
        **{name: value for name, value in settings.items() if value is not None},
    )
    if as_json:
        print_json(facts.to_dict())
    elif not quiet:
        click.echo(facts.table())
    return facts.exit_code
