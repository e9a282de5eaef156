"""One conversion by several processes: wall time against the serial run, and the same bytes.

    python benchmarks/scaling.py                         # 20,000 images; two minutes
    python benchmarks/scaling.py --images 118287 --workers 1 2 4 8
    python benchmarks/scaling.py --only coco-voc --no-dask

Runs each conversion without workers, with ``--workers N`` for each N, and on a Dask cluster of
two processes of this machine by ``--scheduler`` where `distributed` is installed. Wall seconds are
what counts here; CPU seconds say what the division costs (workers of Dask are not children of
the measured process, so that only the client's are told). Every output is compared with that of
the serial run, name by name and byte by byte. The floor script runs in the same turns.
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from harness import (
    Table,
    coco_file,
    command_of,
    dlgeom,
    environment,
    floor,
    folder,
    in_turns,
    intro,
    parser,
    ratio,
    remove,
    target_of,
    wanted,
    workspace,
)
from run import WORKS

GOAL = 1.6  # two workers against the serial speed
_CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True,
                      dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


@contextlib.contextmanager
def cluster(work: Path) -> Iterator[str]:
    """Start a Dask cluster of two processes and give the address of its scheduler."""
    script = work / "cluster.py"
    script.write_text(_CLUSTER)
    child = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        address = child.stdout.readline().strip()
        if not address:
            raise SystemExit("the Dask cluster did not start")
        yield address
    finally:
        child.stdin.close()
        child.wait(timeout=60)
        script.unlink()


def digest(target: Path) -> str:
    """Return a hash over the names and the bytes of all files of a target."""
    total = hashlib.sha256()
    files = [target] if target.is_file() else sorted(p for p in target.rglob("*") if p.is_file())
    for path in files:
        total.update(f"{path.relative_to(target.parent)}\0".encode())
        # Piece by piece: the peak of this process is where those of its children start.
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def main() -> None:
    options = parser(__doc__, repeat=3)
    options.add_argument("--images", type=int, default=20_000)
    options.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    options.add_argument("--no-dask", action="store_true", help="without a Dask cluster")
    args = options.parse_args()
    packages = ("numpy", "msgspec", "lxml", "distributed")
    intro(command_of(__file__), args.repeat, markdown=args.markdown, packages=packages)
    columns = (
        "conversion",
        "images",
        "wall s",
        "speed-up",
        "goal",
        "CPU s",
        "to floor",
        "MB",
        "same",
    )
    table = Table(columns, markdown=args.markdown, first=34)
    with workspace(args.work) as work, contextlib.ExitStack() as stack:
        address = None
        if find_spec("distributed") and not args.no_dask:
            address = stack.enter_context(cluster(work))
        for item in WORKS:
            if not wanted(item.name, args.only):
                continue
            if item.source == "coco":
                source = coco_file(work, args.images)
            else:
                source = folder(work, item.source, args.images)
            target = target_of(work, folder=bool(item.options))
            serial = dlgeom(source, target, *item.options)
            sides = {"floor": floor(item.floor, source, target)} if item.floor else {}
            sides["serial"] = serial
            for count in args.workers:
                sides[f"{count} workers"] = [*serial, "--workers", str(count)]
            if address:
                sides["Dask, 2 processes"] = [*serial, "--scheduler", address]
            digests: dict[str, str] = {}

            def after(name: str, target: Path = target, digests: dict[str, str] = digests) -> None:
                if name != "floor" and name not in digests:
                    digests[name] = digest(target)

            used = in_turns(
                sides, args.repeat, before=lambda target=target: remove(target), after=after
            )
            remove(target)
            plain, least = used["serial"], used.get("floor")
            for name, usage in used.items():
                same = "" if name == "floor" else str(digests[name] == digests["serial"]).lower()
                table.add(
                    f"{item.name}, {name}",
                    args.images,
                    usage.wall,
                    ratio(plain.wall, usage.wall),
                    GOAL if name == "2 workers" else None,
                    usage.cpu,
                    least and ratio(usage.wall, least.wall),
                    round(usage.peak),
                    same,
                )
                if same == "false":
                    raise SystemExit(f"{item.name}, {name}: other bytes than the serial run")


if __name__ == "__main__":
    main()
