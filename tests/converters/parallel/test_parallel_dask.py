"""Parts done by a Dask cluster of separate processes."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dlgeom
from dlgeom.converters.parallel import merge
from dlgeom.errors import MissingDependencyError, UsageError
from tests.converters.parallel import faulty
from tests.converters.parallel.conftest import Convert

OPTIONS: dict[str, Any] = {"to_format": "yolo", "task": "segment"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster of two processes."""
    distributed = pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("marks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            env={faulty.MARK: str(folder), "PYTHONPATH": str(Path(__file__).parents[3])},
        )
    with made:
        yield made


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_makes_the_files_and_the_report_of_one_process(
    odd: Path, run: Convert, cluster: Any
) -> None:
    alone = run(odd, **OPTIONS)
    assert run(odd, scheduler=cluster.scheduler_address, **OPTIONS) == alone


@pytest.mark.filterwarnings("ignore")
def test_the_clients_executor_does_as_well_and_outlives_a_worker(
    odd: Path, run: Convert, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = run(odd, to_format="voc", task="detect")
    with cluster.get_client() as client:
        executor = client.get_executor(pure=False)
        assert run(odd, executor=executor, to_format="voc", task="detect") == alone
        monkeypatch.setattr(merge, "form", faulty.form_dying_twice)
        shared = run(odd, executor=executor, **OPTIONS)
        assert any(Path(client.run(_mark).popitem()[1]).iterdir())
    assert shared == run(odd, **OPTIONS)


def _mark() -> str:
    import os

    return os.environ[faulty.MARK]


def test_a_missing_dask_is_named(
    odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingDependencyError, match=r"dlgeom\[dask\]") as caught:
        dlgeom.convert(odd, tmp_path / "out", scheduler="tcp://127.0.0.1:1", **OPTIONS)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_does_not_answer_is_told(odd: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(UsageError, match="no Dask scheduler answers at 'tcp:"):
        dlgeom.convert(odd, tmp_path / "out", scheduler="tcp://127.0.0.1:9", **OPTIONS)
