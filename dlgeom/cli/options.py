"""Options that several commands share, those of the formats among them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from dlgeom.cli.base import Choice, near
from dlgeom.limits import DEFAULT_LIMITS, Limits

# Converters are imported where they are used: `dlgeom --help` needs none of them.
if TYPE_CHECKING:
    from dlgeom.converters.base import Option

__all__ = [
    "Command",
    "ReadCommand",
    "ReadWriteCommand",
    "check_formats",
    "shared_options",
    "target_options",
    "worker_options",
]


# Python's own numbers go further: 1_000, digits of other scripts.
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class Command(click.Command):
    """A command with the options of its own and those of all formats, from the registry."""

    uses: tuple[str, ...] = ()

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        from dlgeom.converters.memory import keep_freed_memory

        keep_freed_memory()
        return super().invoke(ctx)

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
                f"no such option {error.option_name!r}.{near(error.option_name, known)}", ctx
            ) from error


class ReadWriteCommand(Command):
    """A command with the options of readers and writers."""

    uses = ("read", "write")


class ReadCommand(Command):
    """A command with the options of readers."""

    uses = ("read",)


def _limits(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> Limits:
    limits = DEFAULT_LIMITS
    known = Limits.__struct_fields__
    for text in values:
        name, _, value = text.partition("=")
        if name not in known:
            raise click.BadParameter(
                f"unknown limit {name!r}; known: {', '.join(known)}.{near(name, known)}"
            )
        if not _NUMBER.fullmatch(value) or not math.isfinite(number := float(value)):
            raise click.BadParameter(f"{text!r} is no NAME=VALUE with a finite number.")
        if value.lstrip("+-").isdigit():
            number = int(value)  # beyond 2^53 no float is exact
        limits = limits.replace(**{name: number})
    return limits


def _formats_so_far(ctx: click.Context, parameter: click.Parameter, start: str) -> list[str]:
    from dlgeom.converters import registry

    return [name for name in registry.formats() if name.startswith(start.lower())]


def _limits_so_far(ctx: click.Context, parameter: click.Parameter, start: str) -> list[str]:
    return [f"{name}=" for name in Limits.__struct_fields__ if name.startswith(start)]


def _without_sidecars(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        from dlgeom.converters.sidecar import ignored

        ctx.with_resource(ignored())


def shared_options() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator with the options that each command that reads a data set takes."""
    options = [
        click.option(
            "--from",
            "from_format",
            metavar="FORMAT",
            shell_complete=_formats_so_far,
            help="Format of the source.",
        ),
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
        click.option(
            "--no-sidecar",
            is_flag=True,
            expose_value=False,
            callback=_without_sidecars,
            help="Do not use the sidecar that SOURCE may have.",
        ),
        click.option("--strict", is_flag=True, help="Stop at the first bad record."),
        click.option(
            "--limit",
            "limits",
            metavar="NAME=VALUE",
            multiple=True,
            callback=_limits,
            shell_complete=_limits_so_far,
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


def worker_options() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator with the options that say who does the work."""
    options = [
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            metavar="N",
            help="Processes that share the work, where the data set is large enough. Default: 1.",
        ),
        click.option(
            "--scheduler",
            metavar="ADDRESS",
            help="Dask scheduler whose workers do the work, such as tcp://127.0.0.1:8786.",
        ),
    ]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def target_options() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator with the options that each command that writes a data set takes."""
    options = [
        click.option(
            "--to",
            "to_format",
            metavar="FORMAT",
            shell_complete=_formats_so_far,
            help="Format of TARGET.",
        ),
        click.option(
            "--task",
            type=Choice(["detect", "segment", "pose", "obb", "classify"], case_sensitive=False),
            help="For targets that hold one kind (YOLO, VOC). Default: the richest that SOURCE "
            "fills.",
        ),
        click.option(
            "--image-files",
            type=Choice(["none", "copy", "link"]),
            default="none",
            show_default=True,
            help="Whether TARGET also gets the images.",
        ),
        click.option(
            "--frames",
            metavar="annotated|key|all|none|N",
            default="annotated",
            show_default=True,
            help="Which frames of videos become images of a target that holds images.",
        ),
        click.option(
            "--report", metavar="FILE", type=click.Path(), help="Write the report as JSON."
        ),
        click.option(
            "--fail-on-loss", is_flag=True, help="Exit code 1 if TARGET cannot hold everything."
        ),
        click.option("--dry-run", is_flag=True, help="Report only, write nothing."),
        click.option("--overwrite", is_flag=True, help="Replace what TARGET holds."),
        click.option(
            "--resume",
            is_flag=True,
            help="Go on with the same command where it was interrupted: the same bytes come out.",
        ),
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
        kind = Choice(option.choices, case_sensitive=False)
    named = any(option.name.startswith(owner) for owner in owners)
    prefix = "" if named else f"[{', '.join(owners)}] "
    default = "" if option.default is None else f" Default: {option.default}."
    flag = "--" + option.name.replace("_", "-")
    return click.Option([flag, option.name], type=kind, help=f"{prefix}{option.help}{default}")


def check_formats(*names: str | None) -> None:
    """Raise `UnknownFormatError` for a name that no format has."""
    from dlgeom.converters import registry

    for name in names:
        if name is not None:
            registry.find_format(name)
