"""Many shards on many workers: how long all of it takes, against the ideal.

    python benchmarks/simulate.py                       # the tables of docs/scale.md; ten seconds
    python benchmarks/simulate.py --annotations 1e8 --workers 8 64
    python benchmarks/simulate.py --measure             # measure shards on this machine instead

A seeded simulation, numpy only. A task is one shard: a free worker gets it from the scheduler,
which hands out one task after the other; starts, fetches the shard from the object store,
converts it, stores the result. Times for a thousand images and how they differ, between shards
and between runs of the same shard, are measured (`MEASURED`, by --measure); what the network and
the failures do are assumptions, all in `Model`. The ideal is the work that has to be done,
converting undisturbed and moving the bytes, divided by the workers: nothing starts, answers
late, is slowed down or lost, and nobody waits.
"""

from __future__ import annotations

import heapq
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from harness import Table, coco_file, command_of, intro, parser, workspace  # noqa: E402

PER_IMAGE = 869_188 / 118_287
SHARDS = (1_000, 4_000, 16_000, 64_000, 256_000, 1_024_000)


class Measured(NamedTuple):
    """What shards of a thousand images took on one machine.

    Parameters
    ----------
    seconds : float
        CPU seconds of a shard of 1,000 images, COCO to YOLO outlines, where nothing disturbs.
    content : float
        Coefficient of variation of that between shards: they hold more or less.
    noise : tuple of float
        Quantiles 0, 5, ... 100 % of the CPU seconds of one shard again and again, divided by
        the lowest: the machine and its neighbours.
    """

    seconds: float
    content: float
    noise: tuple[float, ...]


_NOISE = """
    1.0 1.012 1.024 1.031 1.032 1.036 1.038 1.039 1.049 1.052 1.053 1.055 1.057 1.064 1.068 1.072
    1.08 1.087 1.1 1.118 1.181
"""
MEASURED = Measured(0.1532, 0.06, tuple(map(float, _NOISE.split())))


class Model(NamedTuple):
    """What the simulation assumes besides.

    Parameters
    ----------
    dispatch : float
        Seconds the scheduler needs for a task, one after the other (Dask: 2 ms).
    start : float
        Seconds that a task needs to begin, process and imports. 0 where workers stay.
    latency : float
        Seconds until the object store answers; twice a task, fetch and store.
    bandwidth : float
        Bytes a second between one worker and the store.
    total_bandwidth : float
        Bytes a second of the store for all workers.
    read, written : float
        Bytes for an image: generated COCO, and YOLO outlines.
    straggler, slowdown : float
        Share of tasks that are slowed down, and how much at most (at least twice).
    lifetime : float
        Mean seconds until a worker is lost; 0 for never.
    restart : float
        Seconds until a lost worker is replaced.
    """

    dispatch: float = 0.002
    start: float = 0.3
    latency: float = 0.05
    bandwidth: float = 50e6
    total_bandwidth: float = 20e9
    read: float = 3_820.0
    written: float = 3_300.0
    straggler: float = 0.01
    slowdown: float = 5.0
    lifetime: float = 8 * 3600.0
    restart: float = 60.0


class Outcome(NamedTuple):
    """Seconds until all is done, busy seconds of all workers, and tasks that were lost."""

    makespan: float
    busy: float
    lost: int


# ---------------------------------------------------------------- the simulation


def work_seconds(
    images: int, shard: int, measured: Measured, rng: np.random.Generator, model: Model
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each shard the seconds of converting it: undisturbed, and as they come out."""
    count = max(1, -(-images // shard))
    sizes = np.full(count, shard, dtype=np.float64)
    sizes[-1] = images - shard * (count - 1)
    # What shards hold evens out as they grow; what machines do does not.
    spread = measured.content * np.sqrt(1_000 / sizes)
    pure = sizes / 1_000 * measured.seconds * np.exp(rng.normal(0, 1, count) * spread)
    levels = np.linspace(0, 1, len(measured.noise))
    noise = np.interp(rng.random(count), levels, measured.noise)
    slow = rng.random(count) < model.straggler
    noise[slow] *= rng.uniform(2, max(model.slowdown, 2), int(slow.sum()))
    return pure, pure * noise


def task_seconds(seconds: np.ndarray, shard: int, model: Model) -> np.ndarray:
    """Return what whole tasks take on a worker: start, fetch, convert, store."""
    return seconds + model.start + 2 * model.latency + moving_seconds(shard, model)


def moving_seconds(images: int, model: Model) -> float:
    """Return what a worker needs to fetch and store so many images."""
    return images * (model.read + model.written) / model.bandwidth


def simulate(
    tasks: np.ndarray, workers: int, model: Model, rng: np.random.Generator | None = None
) -> Outcome:
    """Give tasks, in order, to the worker that is free first.

    Parameters
    ----------
    tasks : ndarray of float64
        Seconds of each.
    workers : int
        How many there are.
    model : Model
        `dispatch`, and with `rng` also `lifetime` and `restart`.
    rng : Generator, optional
        For losses; without it nothing is lost. A task that is lost with its worker is given to
        the next worker that is free, from its beginning.
    """
    free = [0.0] * min(workers, len(tasks))
    handed, busy, end, lost = 0.0, 0.0, 0.0, 0
    lossy = rng is not None and model.lifetime > 0
    for seconds in tasks.tolist():
        while True:
            handed = max(handed, free[0]) + model.dispatch
            left = rng.exponential(model.lifetime) if lossy and rng is not None else np.inf
            if left >= seconds:
                break
            lost += 1
            busy += left
            heapq.heapreplace(free, handed + left + model.restart)
        busy += seconds
        done = handed + seconds
        end = max(end, done)
        heapq.heapreplace(free, done)
    return Outcome(end, busy, lost)


def makespan(
    images: int,
    shard: int,
    workers: int,
    measured: Measured,
    model: Model,
    *,
    seed: int = 0,
    failures: bool = True,
) -> tuple[float, Outcome]:
    """Return the ideal and what comes out, for a data set cut into shards."""
    rng = np.random.default_rng([seed, shard])
    pure, seconds = work_seconds(images, shard, measured, rng, model)
    outcome = simulate(
        task_seconds(seconds, shard, model), workers, model, rng if failures else None
    )
    # However many workers there are, the store gives what it can.
    store = images * (model.read + model.written) / model.total_bandwidth
    ideal = (float(pure.sum()) + moving_seconds(images, model)) / workers
    return ideal, outcome._replace(makespan=max(outcome.makespan, store))


# ---------------------------------------------------------------- measuring


def measure(
    work: Path, shards: int, *, images: int = 1_000, whole: int = 20_000
) -> tuple[Measured, float]:
    """Convert equal shards in this process and return what they took.

    Returns
    -------
    measured : Measured
        Of shards with different content, and of one of them again and again.
    index : float
        CPU seconds of the index of 1,000 images, from a file of `whole` images.
    """
    import shutil
    import statistics
    import time

    from generate import generate

    from dlgeom.converters.pipeline import convert, open_source

    def once(path: Path) -> float:
        shutil.rmtree(work / "shard", ignore_errors=True)
        start = time.process_time()
        convert(path, work / "shard", to_format="yolo", task="segment")
        return time.process_time() - start

    each = []
    for seed in range(shards):
        path = work / "shard.json"
        generate(path, images, round(images * PER_IMAGE), seed=seed)
        if not each:
            once(path)  # imports and files in memory
        each.append(once(path))
    again = [once(work / "shard.json") for _ in range(3 * shards)]
    shutil.rmtree(work / "shard")
    factors = np.array(again) / min(again)
    quantiles = np.quantile(factors, np.linspace(0, 1, 21))
    # Both differ by the noise; what is left is the content.
    spread = float(np.var(each) / np.mean(each) ** 2 - np.var(factors) / np.mean(factors) ** 2)
    undisturbed = statistics.median(each) / float(np.median(factors))
    measured = Measured(
        round(undisturbed * 1_000 / images, 4),
        round(float(np.sqrt(max(spread, 0.02**2))), 3),
        tuple(round(float(q), 3) for q in quantiles),
    )
    source = coco_file(work, whole)
    start = time.process_time()
    with open_source(source) as opened:
        # The first chunk in the order of images comes when all records have been seen.
        next(iter(opened.reader.chunks(grouped=True, needs=frozenset({"outline", "runs"}))))
        seconds = time.process_time() - start
    return measured, seconds * 1_000 / whole


# ---------------------------------------------------------------- command


def main() -> None:
    options = parser(__doc__, repeat=3)
    options.add_argument("--annotations", type=float, default=1e9)
    options.add_argument("--workers", type=int, nargs="*", default=[16, 64, 256, 1_024])
    options.add_argument("--shards", type=int, nargs="*", default=SHARDS, help="images in each")
    options.add_argument("--measure", action="store_true", help="measure shards on this machine")
    options.add_argument("--measured-shards", type=int, default=20, help="how many are measured")
    options.add_argument("--seconds", type=float, help="CPU seconds of 1,000 images instead")
    args = options.parse_args()
    measured, model = MEASURED, Model()
    if args.seconds is not None:
        measured = measured._replace(seconds=args.seconds)
    intro(command_of(__file__), args.repeat, markdown=args.markdown, packages=("numpy",))
    if args.measure:
        with workspace(args.work) as work:
            measured, index = measure(work, args.measured_shards)
        print(f"MEASURED = {measured!r}\nindex: {index:.4f} CPU seconds for 1,000 images\n")
    images = round(args.annotations / PER_IMAGE)
    hours = images / 1_000 * measured.seconds / 3600
    print(
        f"{args.annotations:,.0f} annotations in {images:,} images, "
        f"{images * model.read / 1e9:,.0f} GB; {hours:,.1f} core hours of converting, "
        f"{moving_seconds(images, model) / 3600:,.1f} of moving bytes.\n"
    )
    columns = (
        "workers, images a shard",
        "tasks",
        "s a task",
        "ideal s",
        "makespan s",
        "of ideal",
        "no losses",
        "core hours",
        "lost",
    )
    table = Table(columns, markdown=args.markdown, first=24)
    best: dict[int, tuple[float, int]] = {}
    for workers in args.workers:
        for shard in args.shards:
            runs = []
            for seed in range(args.repeat):
                ideal, out = makespan(images, shard, workers, measured, model, seed=seed)
                _, calm = makespan(
                    images, shard, workers, measured, model, seed=seed, failures=False
                )
                runs.append((ideal, out.makespan, calm.makespan, out.busy, out.lost))
            ideal, span, calm_span, _, lost = (
                float(np.median(column)) for column in zip(*runs, strict=True)
            )
            best[workers] = min(best.get(workers, (np.inf, 0)), (span, shard))
            table.add(
                f"{workers:,}, {shard:,}",
                -(-images // shard),
                shard / 1_000 * measured.seconds,
                ideal,
                span,
                span / ideal,
                calm_span / ideal,
                span * workers / 3600,
                round(lost),
            )
    print()
    for workers, (span, shard) in best.items():
        print(
            f"{'* ' if args.markdown else ''}{workers:,} workers: shards of {shard:,} images, "
            f"{span / 60:.1f} minutes"
        )


if __name__ == "__main__":
    main()
