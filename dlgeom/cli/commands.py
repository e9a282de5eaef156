"""The commands: `convert`, `formats`, `info`."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from dlgeom._version import __version__
from dlgeom.converters import registry
from dlgeom.converters.base import Option
from dlgeom.converters.pipeline import convert as run_convert
from dlgeom.errors import UsageError
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["program"]

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Group(click.Group):
    """A group that suggests the command that was meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], self.commands, n=1, cutoff=0.4)
            if near and "did you mean" not in error.message.lower():
                error.message += f" Did you mean '{near[0]}'?"
            raise


@click.group(cls=_Group, context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="dlgeom")
def program() -> None:
    """Annotation geometry and format conversion: exact, fast, nothing lost in silence."""


def _limits(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> Limits:
    limits = DEFAULT_LIMITS
    for text in values:
        name, equals, value = text.partition("=")
        try:
            number = float(value)
        except ValueError as error:
            raise click.BadParameter(f"{text!r} is no NAME=VALUE with a number") from error
        if not equals or number != number:
            raise click.BadParameter(f"{text!r} is no NAME=VALUE with a number")
        if number in (float("inf"), float("-inf")):
            raise click.BadParameter(f"{text!r}: a limit is finite")
        near = difflib.get_close_matches(name, Limits.__struct_fields__, n=1, cutoff=0.4)
        if name not in Limits.__struct_fields__:
            hint = f" Did you mean {near[0]!r}?" if near else ""
            known = ", ".join(Limits.__struct_fields__)
            raise click.BadParameter(f"unknown limit {name!r}; known: {known}.{hint}")
        limits = limits.replace(**{name: number})
    return limits


def _shared(*, read_only: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator with the options that each command that reads a data set takes."""
    options = [
        click.option("--from", "from_format", metavar="FORMAT", help="Format of the source."),
        click.option(
            "--images", metavar="DIR", type=click.Path(), help="Where the images are: for sizes."
        ),
        click.option(
            "--names",
            metavar="FILE",
            type=click.Path(),
            help="Class names for YOLO without data.yaml: a yaml, or one name a line.",
        ),
        click.option(
            "--ground-truth",
            metavar="FILE",
            type=click.Path(),
            help="Images and categories for a COCO results file.",
        ),
        click.option(
            "--subset",
            "subsets",
            metavar="NAME",
            multiple=True,
            help="Split to read (repeatable); or its name in TARGET where SOURCE has none.",
        ),
        click.option("--strict", is_flag=True, help="Stop at the first bad record."),
        click.option(
            "--limit",
            "limits",
            metavar="NAME=VALUE",
            multiple=True,
            callback=_limits,
            help=f"Raise or lower a limit: {', '.join(Limits.__struct_fields__)}.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        click.option("--quiet", "-q", is_flag=True, help="Print errors only."),
        click.option("--debug", is_flag=True, help="Show the traceback of an error."),
    ]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _format_options(*uses: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator with the options of all formats, from the registry."""
    known: dict[str, Option] = {}
    owners: dict[str, list[str]] = {}
    for entry in registry.formats().values():
        for option in entry.options:
            if option.use in uses or option.use == "both":
                known.setdefault(option.name, option)
                names = owners.setdefault(option.name, [])
                if entry.name not in names:
                    names.append(entry.name)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for name, option in sorted(known.items(), reverse=True):
            flag = "--" + name.replace("_", "-")
            prefix = (
                ""
                if any(name.startswith(owner) for owner in owners[name])
                else (f"[{', '.join(owners[name])}] ")
            )
            default = "" if option.default is None else f" Default: {option.default}."
            kind: Any = click.Choice(option.choices, case_sensitive=False)
            if not option.choices:
                kind = {int: click.INT, float: click.FLOAT, bool: click.BOOL}.get(
                    option.kind, click.STRING
                )
            function = click.option(
                flag, name, type=kind, default=None, help=f"{prefix}{option.help}{default}"
            )(function)
        return function

    return decorate


def _check_formats(*names: str | None) -> None:
    for name in names:
        if name is not None:
            registry.find_format(name)


class _Bar:
    """A progress bar on a terminal, nothing elsewhere."""

    def __init__(self, quiet: bool) -> None:
        self._on = not quiet and sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Callable[[int, int | None], None] | None:
        if not self._on:
            return None
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

        self._bar = Progress(
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            "images",
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task("converting", total=None)

        def progress(done: int, total: int | None) -> None:
            self._bar.update(self._task, completed=done, total=total)

        return progress

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


@program.command(context_settings=_CONTEXT)
@click.argument("source", type=click.Path())
@click.argument("target", type=click.Path())
@click.option("--to", "to_format", metavar="FORMAT", help="Format of TARGET.")
@click.option(
    "--task",
    type=click.Choice(["detect", "segment", "pose", "obb", "classify"], case_sensitive=False),
    help="For targets that hold one kind (YOLO, VOC). Default: the richest that SOURCE fills.",
)
@click.option(
    "--image-files",
    type=click.Choice(["none", "copy", "link"]),
    default="none",
    show_default=True,
    help="Whether TARGET also gets the images.",
)
@click.option("--report", metavar="FILE", type=click.Path(), help="Write the report as JSON.")
@click.option("--fail-on-loss", is_flag=True, help="Exit code 1 if TARGET cannot hold everything.")
@click.option("--dry-run", is_flag=True, help="Report only, write nothing.")
@click.option("--overwrite", is_flag=True, help="Replace what TARGET holds.")
@_shared()
@_format_options("read", "write")
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
    _check_formats(from_format, to_format)
    with _Bar(quiet or as_json) as progress:
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
        click.echo(json.dumps(report.summary(), indent=2, ensure_ascii=False, default=str))
    elif not quiet:
        click.echo(report.table())
        task = f", task {report.task}" if report.task else ""
        done = "would be written" if report.dry_run else "written"
        click.echo(f"{report.target_format}{task} {done}: {report.target}")
    return report.exit_code(fail_on_loss=fail_on_loss)


@program.command("formats", context_settings=_CONTEXT)
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def list_formats(as_json: bool, debug: bool) -> int:
    """List the formats: what each can hold, and its options."""
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
        click.echo(json.dumps(table, indent=2, ensure_ascii=False))
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


@program.command(context_settings=_CONTEXT)
@click.argument("path", type=click.Path())
@_shared(read_only=True)
@_format_options("read")
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

    _check_formats(from_format)
    if not Path(path).exists() and not Path(path).is_symlink():
        raise UsageError(f"{path}: no such file or folder")
    facts = survey(
        path,
        from_format=from_format,
        on_error="raise" if strict else "skip",
        **{name: value for name, value in settings.items() if value is not None},
    )
    if as_json:
        click.echo(json.dumps(facts.to_dict(), indent=2, ensure_ascii=False, default=str))
    elif not quiet:
        click.echo(facts.table())
    return facts.exit_code
