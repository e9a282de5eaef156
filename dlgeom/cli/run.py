"""Exit codes, error lines and signals around the commands."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Sequence
from types import FrameType

import click

from dlgeom.cli.commands import program
from dlgeom.errors import DlgeomError

__all__ = ["Terminated", "run"]

_USAGE, _INTERNAL, _INTERRUPTED, _TERMINATED = 2, 6, 130, 143
_OUTPUT = 5


class Terminated(BaseException):
    """SIGTERM arrived; unwinds so that temporary files are removed."""


def _terminate(number: int, frame: FrameType | None) -> None:
    # A second one would interrupt the cleaning up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


def _say(text: str) -> None:
    click.echo(f"dlgeom: {' '.join(text.split())}", err=True)


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    """Tell a warning as the commands tell all else: one line, without our source."""
    _say(f"warning: {message}")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process if not given.
    """
    args = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in args
    # Only the main thread may ask for signals.
    heard = threading.current_thread() is threading.main_thread()
    old = signal.signal(signal.SIGTERM, _terminate) if heard else None
    shown, warnings.showwarning = warnings.showwarning, _warn
    try:
        code = program.main(args=args, prog_name="dlgeom", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "dlgeom"
        _say(f"{error.format_message()} See '{command} --help'")
        return _USAGE
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted; unfinished files were removed")
        return _INTERRUPTED
    except Terminated:
        _say("terminated; unfinished files were removed")
        return _TERMINATED
    except DlgeomError as error:
        if debug:
            traceback.print_exc()
        _say(str(error))
        return error.exit_code
    except SystemExit as leave:  # shell completion
        return leave.code if isinstance(leave.code, int) else 0
    except OSError as error:
        if debug:
            traceback.print_exc()
        where = f"{error.filename}: " if error.filename else ""
        _say(f"{where}{error.strerror or error} [io.permission]")
        return _OUTPUT
    except Exception as error:  # a bug of ours: one line, the traceback on request
        if debug:
            traceback.print_exc()
        _say(
            f"internal error: {type(error).__name__}: {error}. This is a bug of dlgeom; "
            "please report it with the command and, if you can, the file (--debug shows more)"
        )
        return _INTERNAL
    finally:
        warnings.showwarning = shown
        if heard:
            signal.signal(signal.SIGTERM, old)
