"""The commands: `convert`, `formats`, `info`."""

from __future__ import annotations

import contextlib
import difflib
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from dlgeom._version import __version__
from dlgeom.limits import DEFAULT_LIMITS, Limits

# Converters are imported where they are used: `dlgeom --help` needs none of them.
if TYPE_CHECKING:
    from dlgeom.converters.base import Option

__all__ = ["program"]

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _near(wanted: str, known: Sequence[str]) -> str:
    """Return `` Did you mean ...?`` for what is closest, or nothing."""
    near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""


@contextlib.contextmanager
def _whole_output() -> Iterator[None]:
    """Write all output; a reader that goes away (`dlgeom formats | head -1`) is no error."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError as error:
        # Python writes what is left once more when it ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        raise click.exceptions.Exit(0) from error


class _Group(click.Group):
    """A group that suggests the command that was meant."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the arguments, which may print help."""
        with _whole_output():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _whole_output():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchOption:
            raise
        except click.UsageError as error:
            raise click.UsageError(
                f"no such command {args[0]!r}.{_near(args[0], list(self.commands))}", ctx
            ) from error


class _Choice(click.Choice[str]):
    """A choice that suggests the value that was meant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the choice, or name the nearest one."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            choices = [str(choice) for choice in self.choices]
            raise click.BadParameter(
                f"{value!r} is not one of {', '.join(choices)}.{_near(str(value), choices)}",
                ctx,
                param,
            ) from error


class _Command(click.Command):
    """A command with the options of its own and those of all formats, from the registry."""

    uses: tuple[str, ...] = ()

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return all options, those of the formats behind the others."""
        *own, help_option = super().get_params(ctx)
        return [*own, *_format_options(self.uses), help_option]

    def make_parser(self, ctx: click.Context) -> Any:
        """Return a parser, which suggests the option that was meant."""
        parser = super().make_parser(ctx)
        ctx.meta["dlgeom.options"] = [
            name for parameter in self.get_params(ctx) for name in parameter.opts
        ]
        return parser

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, or name the nearest option."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            known = ctx.meta.get("dlgeom.options", [])
            raise click.UsageError(
                f"no such option {error.option_name!r}.{_near(error.option_name, known)}", ctx
            ) from error


class _Convert(_Command):
    uses = ("read", "write")


class _Info(_Command):
    uses = ("read",)


@click.group(cls=_Group, context_settings=_CONTEXT, invoke_without_command=True)
@click.version_option(__version__, prog_name="dlgeom")
@click.pass_context
def program(ctx: click.Context) -> None:
    """Annotation geometry and format conversion: exact, fast, nothing lost in silence."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


def _limits(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> Limits:
    limits = DEFAULT_LIMITS
    known = Limits.__struct_fields__
    for text in values:
        name, _, value = text.partition("=")
        if name not in known:
            raise click.BadParameter(
                f"unknown limit {name!r}; known: {', '.join(known)}.{_near(name, known)}"
            )
        try:
            number = float(value) if "." in value or "e" in value.lower() else int(value)
            if not math.isfinite(number):
                raise ValueError
        except ValueError as error:
            raise click.BadParameter(f"{text!r} is no NAME=VALUE with a finite number") from error
        limits = limits.replace(**{name: number})
    return limits


def _shared() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
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
        click.option(
            "--label-map",
            metavar="FILE",
            type=click.Path(),
            help="New names of labels: YAML or JSON {old: new}, or lines 'old: new'; null drops.",
        ),
        click.option(
            "--include-label",
            "include_labels",
            metavar="NAME",
            multiple=True,
            help="Label to keep, by its name in SOURCE (repeatable). Default: all.",
        ),
        click.option(
            "--exclude-label",
            "exclude_labels",
            metavar="NAME",
            multiple=True,
            help="Label to leave out, by its name in SOURCE (repeatable).",
        ),
        click.option(
            "--where",
            metavar="EXPR",
            help="Keep annotations that meet a condition: \"label == 'car' and area > 100\".",
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


@cache
def _format_options(uses: tuple[str, ...]) -> tuple[click.Option, ...]:
    """Return the options of all formats."""
    from dlgeom.converters import registry

    known: dict[str, Option] = {}
    owners: dict[str, list[str]] = {}
    for entry in registry.formats().values():
        for option in entry.options:
            if option.use in uses or option.use == "both":
                known.setdefault(option.name, option)
                names = owners.setdefault(option.name, [])
                if entry.name not in names:
                    names.append(entry.name)
    return tuple(_option(option, owners[name]) for name, option in sorted(known.items()))


def _option(option: Option, owners: Sequence[str]) -> click.Option:
    kinds = {int: click.INT, float: click.FLOAT, bool: click.BOOL}
    kind: Any = kinds.get(option.kind, click.STRING)
    if option.choices:
        kind = _Choice(option.choices, case_sensitive=False)
    named = any(option.name.startswith(owner) for owner in owners)
    prefix = "" if named else f"[{', '.join(owners)}] "
    default = "" if option.default is None else f" Default: {option.default}."
    flag = "--" + option.name.replace("_", "-")
    return click.Option([flag, option.name], type=kind, help=f"{prefix}{option.help}{default}")


def _check_formats(*names: str | None) -> None:
    from dlgeom.converters import registry

    for name in names:
        if name is not None:
            registry.find_format(name)


def _print_json(value: object) -> None:
    """Print JSON, with escapes where the terminal cannot show the characters."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2, default=str)
    click.echo(text)


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


@program.command(cls=_Convert, context_settings=_CONTEXT)
@click.argument("source", type=click.Path())
@click.argument("target", type=click.Path())
@click.option("--to", "to_format", metavar="FORMAT", help="Format of TARGET.")
@click.option(
    "--task",
    type=_Choice(["detect", "segment", "pose", "obb", "classify"], case_sensitive=False),
    help="For targets that hold one kind (YOLO, VOC). Default: the richest that SOURCE fills.",
)
@click.option(
    "--image-files",
    type=_Choice(["none", "copy", "link"]),
    default="none",
    show_default=True,
    help="Whether TARGET also gets the images.",
)
@click.option("--report", metavar="FILE", type=click.Path(), help="Write the report as JSON.")
@click.option("--fail-on-loss", is_flag=True, help="Exit code 1 if TARGET cannot hold everything.")
@click.option("--dry-run", is_flag=True, help="Report only, write nothing.")
@click.option("--overwrite", is_flag=True, help="Replace what TARGET holds.")
@_shared()
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
        _print_json(report.summary())
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
        _print_json(table)
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


@program.command(cls=_Info, context_settings=_CONTEXT)
@click.argument("path", type=click.Path())
@_shared()
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
    facts = survey(
        path,
        from_format=from_format,
        on_error="raise" if strict else "skip",
        **{name: value for name, value in settings.items() if value is not None},
    )
    if as_json:
        _print_json(facts.to_dict())
    elif not quiet:
        click.echo(facts.table())
    return facts.exit_code
