"""Who does the tasks: processes of our own, or an executor that the user brings."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import msgspec

from dlgeom.converters.parallel.spawn import Context, begin, cut_off
from dlgeom.errors import InternalError, LimitError, MissingDependencyError, UsageError
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["Engine", "Job", "open_engine"]

DEATHS = 3
"""How many workers a job may end before it is the job's fault."""

_GONE = (BrokenExecutor, CancelledError)
_NO_PROCESS = (OSError, NotImplementedError, ImportError)
"""What a system raises that has no processes, or no semaphores, to give."""
_MOST = 61 if sys.platform == "win32" else 4096
"""How many processes an executor can wait for."""
_STOP = 1.5
_LOOK = 1.0
"""Seconds between two looks at whether the workers are alive while one is waited for."""


class Job(msgspec.Struct, eq=False):
    """One call that some worker does.

    Parameters
    ----------
    call : callable
        A function of a module.
    args : tuple
        Picklable arguments.
    work : str
        The file in work, for the message if it ends its workers.
    """

    call: Callable[..., Any]
    args: tuple[Any, ...]
    work: str
    deaths: int = 0
    future: Future[Any] | None = None


class Engine:
    """Does jobs in other processes and outlives the death of workers.

    Parameters
    ----------
    workers : int
        How many jobs are done at once.
    limits : Limits
        `workers_memory` bounds processes of our own.
    executor : Executor, optional
        Who does the jobs; processes of our own if not given.
    """

    def __init__(
        self, workers: int, limits: Limits = DEFAULT_LIMITS, executor: Executor | None = None
    ) -> None:
        self.workers = workers
        self._limits = limits
        self._theirs = executor
        self._lent = executor is not None
        self._pool: ProcessPoolExecutor | None = None
        self._context: Context | None = None
        self._open: list[Job] = []
        self._warm = False
        self._none = False
        self.deaths = 0

    @property
    def is_here(self) -> bool:
        """Whether the work is surely done on this machine, where private folders can be read."""
        pools = (ProcessPoolExecutor, ThreadPoolExecutor)
        return self._theirs is None or isinstance(self._theirs, pools)

    # -- jobs ------------------------------------------------------------------------------

    def submit(self, call: Callable[..., Any], *args: Any, work: str) -> Job:
        """Hand out a job; `result` gives its value."""
        job = Job(call, args, work)
        self._open.append(job)
        self._start(job)
        return job

    def warm(self, jobs: int) -> None:
        """Start processes of our own ahead of their first jobs: loading takes them a while.

        Parameters
        ----------
        jobs : int
            How many there are going to be at least.
        """
        if self._lent or self._warm:
            return
        self._warm = True
        try:
            for _ in range(min(jobs, self.workers)):
                executor = self._executor()
                if executor is not None:
                    executor.submit(_nothing)
        except BrokenExecutor:
            pass  # the first job finds out
        except _NO_PROCESS as error:
            self._do_without(error)

    def result(self, job: Job) -> Any:
        """Return the value of a job, or raise what it raised."""
        while True:
            try:
                value = self._value(job)
            except _GONE as error:
                self._broken(error)
                continue
            except MemoryError as error:
                self._close(job)
                raise LimitError(
                    f"a worker needs more than {self._limits.workers_memory} bytes of memory, the "
                    "limit workers_memory. Raise it with --limit workers_memory=N",
                    code="limit.memory",
                    path=job.work,
                ) from error
            except Exception as error:
                self._close(job)
                if type(error).__name__ == "KilledWorker":  # Dask has tried it several times
                    raise self._deadly(job) from error
                raise
            self._close(job)
            return value

    def _value(self, job: Job) -> Any:
        if job.future is None:
            return job.call(*job.args)
        self._wait(job.future)
        return job.future.result()

    def _wait(self, future: Future[Any]) -> None:
        """Wait until a job is done, or for nobody any more.

        A worker that is killed while it sends leaves half a message and holds the lock of the
        pipe: the pool reads on for ever and never tells. A worker that is still dead at the next
        look is that case.
        """
        gone = False
        while not wait((future,), None if self._lent else _LOOK).done:
            if gone:
                raise BrokenProcessPool("a worker died while it sent what it had done")
            gone = self._context is not None and self._context.has_lost()

    def _close(self, job: Job) -> None:
        if job in self._open:
            self._open.remove(job)

    def _start(self, job: Job) -> None:
        """Give a job to somebody; without anybody left it is done when its value is asked for."""
        job.future = None
        try:
            executor = self._executor()
            if executor is not None:
                job.future = executor.submit(job.call, *job.args)
        except _NO_PROCESS as error:
            if self._lent:
                raise
            self._do_without(error)
        except (BrokenExecutor, RuntimeError) as error:
            if self._lent:
                self._leave(error)
            elif isinstance(error, BrokenExecutor):
                job.future = Future()
                job.future.set_exception(error)
            else:
                raise

    def _executor(self) -> Executor | None:
        if self._lent:
            return self._theirs
        if self._pool is None and not self._none:
            self._context = Context()
            self._pool = ProcessPoolExecutor(
                self.workers,
                mp_context=self._context,
                initializer=begin,
                initargs=(self._limits.workers_memory,),
            )
        return self._pool

    def _do_without(self, error: BaseException) -> None:
        """Do all that is left here: the system gives no process."""
        self._none = True
        self._stop_pool()
        _warn(f"no process could be started ({type(error).__name__}: {error})")

    # -- deaths ----------------------------------------------------------------------------

    def _leave(self, error: BaseException) -> None:
        """Do without the user's executor from now on."""
        if self._theirs is not None:
            self._theirs = None
            _warn(f"the executor broke ({type(error).__name__}: {error})")

    def _broken(self, error: BaseException) -> None:
        """Do what was not finished again, after a worker died."""
        lost = [job for job in self._open if _is_lost(job)]
        self.deaths += 1
        if self._lent:
            self._leave(error)
            for job in lost:
                job.future = None
            return
        self._stop_pool()
        for job in lost:
            job.deaths += 1
        suspects = [job for job in lost if job.deaths > 1]
        for job in suspects:
            self._alone(job)
        for job in lost:
            if job not in suspects:
                self._start(job)

    def _alone(self, job: Job) -> None:
        """Do a job with nobody else at work, so that it is known whose fault a death is."""
        while True:
            self._start(job)
            if job.future is None:
                return  # no process is left to do it
            with contextlib.suppress(*_GONE):
                self._wait(job.future)
            if not _is_lost(job):
                return
            self._stop_pool()
            self.deaths += 1
            job.deaths += 1
            if job.deaths > DEATHS:
                raise self._deadly(job)

    @staticmethod
    def _deadly(job: Job) -> InternalError:
        return InternalError(
            f"{job.work}: workers died again and again while they were at work on it; "
            "please report this. Without --workers it is done in one process"
        )

    # -- the end ---------------------------------------------------------------------------

    def _stop_pool(self) -> None:
        pool, self._pool = self._pool, None
        context, self._context = self._context, None
        if pool is not None and context is not None:
            context.kill()
            cut_off(pool)
            pool.shutdown(wait=True, cancel_futures=True)

    def close(self, *, failed: bool) -> None:
        """End the processes; jobs in somebody else's hands are waited for, as none can be ended."""
        if self._lent:
            self._drain()
        elif failed:
            self._stop_pool()
        elif self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None

    def _drain(self) -> None:
        end = time.monotonic() + _STOP
        futures = [job.future for job in self._open if job.future is not None]
        for future in futures:
            future.cancel()
        for future in futures:
            with contextlib.suppress(Exception, CancelledError):
                future.exception(max(0.0, end - time.monotonic()))
        self._open.clear()


def _warn(what: str) -> None:
    warnings.warn(f"{what}; the rest is done in this process", RuntimeWarning, stacklevel=2)


def _nothing() -> None:
    """Do nothing, in a process that has to start for it."""


def _is_lost(job: Job) -> bool:
    """Whether nobody will tell the value of a job."""
    future = job.future
    if future is None or not future.done() or future.cancelled():
        return True
    return isinstance(future.exception(), _GONE)


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _cluster(address: str) -> Any:
    """Connect to a Dask scheduler."""
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingDependencyError(
            "scheduler= needs Dask, which is not installed. Install dlgeom[dask]"
        ) from error
    try:
        return Client(address, timeout=5, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(
            f"no Dask scheduler answers at {address!r} ({type(error).__name__}); "
            "an address is like tcp://127.0.0.1:8786. Start one with 'dask scheduler'"
        ) from error


@contextlib.contextmanager
def open_engine(
    workers: int | None = None,
    executor: Executor | None = None,
    scheduler: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Engine | None]:
    """Find out who does the tasks; None for one process.

    Parameters
    ----------
    workers : int, optional
        Processes of our own, which end with the block.
    executor : Executor, optional
        Any of ``concurrent.futures``; stays open.
    scheduler : str, optional
        Address of a Dask scheduler.
    limits : Limits
        Bounds processes of our own.

    Raises
    ------
    UsageError
        If they do not fit together, or the scheduler does not answer.
    """
    if sum(value is not None for value in (workers, executor, scheduler)) > 1:
        raise UsageError(
            "workers, executor and scheduler are three ways to say who does the work. Give one"
        )
    if workers is not None and (type(workers) is not int or workers < 1):
        raise UsageError(f"workers is {workers!r}; it is a number of processes, 1 or more")
    with contextlib.ExitStack() as stack:
        if scheduler is not None:
            client = stack.enter_context(contextlib.closing(_cluster(scheduler)))
            executor = client.get_executor(pure=False)
            count = max(1, sum(client.nthreads().values()))
        elif executor is not None:
            if not callable(getattr(executor, "submit", None)):
                raise UsageError(
                    f"executor is a {type(executor).__name__}; it is one of concurrent.futures, "
                    "or behaves like one"
                )
            count = getattr(executor, "_max_workers", None) or _cores()
        elif workers is not None and workers > 1:
            if multiprocessing.current_process().daemon:
                _warn("a daemonic process has no processes of its own")
                yield None
                return
            count = min(workers, _MOST)
        else:
            yield None
            return
        engine = Engine(count, limits, executor)
        try:
            yield engine
        except BaseException:
            engine.close(failed=True)
            raise
        engine.close(failed=False)
