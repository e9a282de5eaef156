"""Groups, commands and choices that say what was meant."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

__all__ = ["CONTEXT", "Choice", "Group", "drop_output", "near", "whole_output"]

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def near(wanted: str, known: Sequence[str]) -> str:
    """Return `` Did you mean ...?`` for what is closest, or nothing."""
    import difflib  # for mistakes only

    near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""


@contextlib.contextmanager
def whole_output() -> Iterator[None]:
    """Write all output; a reader that goes away (`dlgeom formats | head -1`) is no error."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError as error:
        drop_output()
        raise click.exceptions.Exit(0) from error


def drop_output() -> None:
    """Send standard output nowhere: Python writes what is left once more when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


class Group(click.Group):
    """A group that suggests the command that was meant."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the arguments, which may print help."""
        with whole_output():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with whole_output():
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
                f"no such command {args[0]!r}.{near(args[0], self.list_commands(ctx))}", ctx
            ) from error


class Choice(click.Choice[str]):
    """A choice that suggests the value that was meant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the choice, or name the nearest one."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            choices = [str(choice) for choice in self.choices]
            raise click.BadParameter(
                f"{value!r} is not one of {', '.join(choices)}.{near(str(value), choices)}",
                ctx,
                param,
            ) from error
