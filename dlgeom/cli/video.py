"""The commands of `video`."""

from __future__ import annotations

import click

from dlgeom.cli.base import CONTEXT, Group
from dlgeom.cli.output import Bar, print_json

__all__ = ["video"]


@click.group(cls=Group, context_settings=CONTEXT)
def video() -> None:
    """Work with video files."""


@video.command(context_settings=CONTEXT)
@click.argument("source", metavar="VIDEO", type=click.Path())
@click.argument("out", type=click.Path())
@click.option("--every", type=int, metavar="N", help="Take picture 0, N, 2 N... Default: 30.")
@click.option("--frame", "frames", type=int, multiple=True, help="Number of a picture, from 0.")
@click.option("--time", "times", type=float, multiple=True, help="Seconds from the first picture.")
@click.option(
    "--ext", default="png", show_default=True, help="Ending of the pictures: png, jpg, webp..."
)
@click.option("--overwrite", is_flag=True, help="Replace pictures that are there.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def snapshots(
    source: str,
    out: str,
    every: int | None,
    frames: tuple[int, ...],
    times: tuple[float, ...],
    ext: str,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Write pictures of VIDEO into the folder OUT as <video>.frame.<number>.<ext>."""
    from dlgeom.video import video_snapshots

    with Bar(quiet or as_json, "reading", "pictures") as progress:
        found = video_snapshots(
            source,
            out,
            every=every,
            frames=frames or None,
            times=times or None,
            ext=ext,
            overwrite=overwrite,
            progress=progress,
        )
    if as_json:
        rows = [{"path": str(s.path), "frame": s.frame, "time": float(s.time)} for s in found]
        print_json(rows)
    elif not quiet:
        click.echo(f"{len(found)} picture{'' if len(found) == 1 else 's'} written: {out}")
    return 0
