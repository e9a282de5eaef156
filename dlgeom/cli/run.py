"""Exit codes, error lines and signals around the commands."""

from __future__ import annotations

import contextlib
import errno
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Sequence
from types import FrameType
from typing import Any

import click

from dlgeom.cli.base import drop_output
from dlgeom.cli.commands import program
from dlgeom.errors import DlgeomError

__all__ = ["Terminated", "run"]

_USAGE, _INTERNAL, _INTERRUPTED, _TERMINATED = 2, 6, 130, 143
_OUTPUT = 5
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_AGAIN = 0.2
_PATIENCE = 5.0


class Terminated(BaseException):
    """SIGTERM arrived; unwinds so that temporary files are removed."""


class _Stops:
    """Turns SIGINT and SIGTERM into exceptions, once.

    Further ones do not disturb the cleaning up, unless that takes longer than anybody waits. An
    exception that is lost on its way (raised where nothing can take it, as in `__del__` or while a
    module of C is imported) is raised again by a timer.
    """

    def __init__(self) -> None:
        self._kind: type[BaseException] = KeyboardInterrupt
        self._since = -1.0
        self._old: dict[int, Any] = {}

    def __enter__(self) -> _Stops:
        # Only the main thread may ask for signals.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                old = signal.getsignal(number)
                # Ignored from the outside (nohup, a job in the background): that stays so.
                if old is not None and old != signal.SIG_IGN:
                    self._old[number] = old
                    signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        if self._since >= 0 and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, old in self._old.items():
            signal.signal(number, old)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._since < 0:
            self._since = now
            self._kind = Terminated if number == signal.SIGTERM else KeyboardInterrupt
            if hasattr(signal, "setitimer"):
                self._old[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._again)
                signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
        elif _unwinding() and now - self._since < _PATIENCE:
            return
        raise self._kind

    def _again(self, number: int, frame: FrameType | None) -> None:
        if not _unwinding():
            raise self._kind


def _unwinding() -> bool:
    """Whether a stop is on its way: the code that is running was called on account of it."""
    error = sys.exc_info()[1]
    for _ in range(20):
        if isinstance(error, KeyboardInterrupt | Terminated | click.Abort):
            return True
        if error is None:
            return False
        error = error.__context__
    return False


def _say(text: str) -> None:
    # The exit code says it too, where nobody listens (`2>/dev/full`, a terminal that was closed).
    with contextlib.suppress(OSError, ValueError):
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
    try:
        with _Stops():
            return _run(args, debug)
    except (click.Abort, KeyboardInterrupt):
        code, what = _INTERRUPTED, "interrupted"
    except Terminated:
        code, what = _TERMINATED, "terminated"
    left = "what is complete stays" if "--resume" in args else "unfinished files were removed"
    _say(f"{what}; {left}")
    return code


def _run(args: list[str], debug: bool) -> int:
    shown, warnings.showwarning = warnings.showwarning, _warn
    try:
        code = program.main(args=args, prog_name="dlgeom", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "dlgeom"
        what = error.format_message()
        _say(f"{what}{'' if what.endswith(('.', '?')) else '.'} See '{command} --help'")
        return _USAGE
    except click.Abort:
        raise
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
        code = "io.read"
        if error.filename is None and error.errno in _FULL:  # what writes files says which
            where, code = "standard output: ", "output.full"
            drop_output()
        _say(f"{where}{error.strerror or error} [{code}]")
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
