"""The command line: arguments in, library called, report out.

Results go to standard output, everything else to standard error; exit codes are those of the
reliability page, section 3.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType

__all__ = ["main"]


def _leave(number: int, frame: FrameType | None) -> None:
    """Leave at once, with the code that the shell has for it."""
    os.write(2, b"dlgeom: stopped\n")
    os._exit(128 + number)


def _open_standard_streams() -> None:
    """Open what the shell closed (``>&-``): else a file of ours would get its number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def main() -> None:
    """Run the ``dlgeom`` command and leave with its exit code."""
    _open_standard_streams()
    # Threads of a linear algebra library cost start-up time and are of no use here; this has to
    # be said before numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # While the program itself is loaded there is nothing to clean up.
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _leave)
    from dlgeom.cli.run import run

    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal cannot show is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = run()
    # What is left is not looked through for cycles on the way out: 25 ms after a conversion.
    gc.freeze()
    raise SystemExit(code)
