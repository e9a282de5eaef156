"""Laws of the simulation of shards: never below the ideal, more workers never slower."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

_PATH = Path(__file__).parents[2] / "benchmarks" / "simulate.py"
_spec = importlib.util.spec_from_file_location("benchmark_simulate", _PATH)
simulation = importlib.util.module_from_spec(_spec)
_before = list(sys.path)
_spec.loader.exec_module(simulation)
sys.path[:] = _before  # the script adds its own folder

TASKS = st.lists(st.floats(0, 100), min_size=1, max_size=25).map(np.array)
DISPATCH = st.sampled_from([0.0, 0.002, 3.0])
NEAR = 1e-9


def _model(dispatch: float = 0.0, **changes: float):
    return simulation.Model(dispatch=dispatch, **changes)


@given(TASKS, st.integers(1, 8), DISPATCH)
def test_nothing_ends_before_the_work_is_done(tasks, workers, dispatch):
    out = simulation.simulate(tasks, workers, _model(dispatch))
    assert out.makespan >= tasks.sum() / workers - NEAR
    assert out.makespan >= tasks.max() - NEAR
    assert out.makespan >= dispatch * len(tasks) - NEAR
    assert out.busy == pytest.approx(tasks.sum())
    assert out.lost == 0


@given(TASKS, st.integers(1, 8), st.integers(1, 4), DISPATCH)
def test_more_workers_are_never_slower_without_losses(tasks, workers, more, dispatch):
    model = _model(dispatch)
    few = simulation.simulate(tasks, workers, model).makespan
    assert simulation.simulate(tasks, workers + more, model).makespan <= few + NEAR


@given(TASKS, DISPATCH)
def test_one_worker_does_one_after_the_other(tasks, dispatch):
    out = simulation.simulate(tasks, 1, _model(dispatch))
    assert out.makespan == pytest.approx(tasks.sum() + dispatch * len(tasks))


@given(TASKS, st.integers(1, 8))
def test_waiting_is_at_most_the_longest_task(tasks, workers):
    # The bound of Graham (1966) for lists of independent tasks.
    out = simulation.simulate(tasks, workers, _model())
    assert out.makespan <= tasks.sum() / workers + tasks.max() + NEAR


@given(TASKS, st.integers(1, 8), st.integers(0, 2**32), st.sampled_from([60.0, 400.0]))
def test_lost_tasks_are_done_again(tasks, workers, seed, lifetime):
    model = _model(0.002, lifetime=lifetime, restart=5.0)
    out = simulation.simulate(tasks, workers, model, np.random.default_rng(seed))
    calm = simulation.simulate(tasks, workers, model)
    assert out.busy >= calm.busy - NEAR
    assert out.makespan >= max(tasks.sum() / workers, tasks.max()) - NEAR
    if not out.lost:
        assert out == calm
    again = simulation.simulate(tasks, workers, model, np.random.default_rng(seed))
    assert again == out


@given(
    st.integers(1, 200_000),
    st.sampled_from([1_000, 16_000]),
    st.integers(1, 64),
    st.integers(0, 9),
    st.booleans(),
)
def test_a_data_set_never_beats_its_ideal(images, shard, workers, seed, failures):
    ideal, out = simulation.makespan(
        images, shard, workers, simulation.MEASURED, _model(0.002), seed=seed, failures=failures
    )
    assert out.makespan >= ideal > 0


def test_the_store_bounds_any_number_of_workers():
    model = _model(total_bandwidth=1e6)
    _, out = simulation.makespan(1_000_000, 1_000, 10_000, simulation.MEASURED, model)
    assert out.makespan >= 1_000_000 * (model.read + model.written) / 1e6


def test_measured_noise_is_quantiles_from_the_lowest():
    noise = np.array(simulation.MEASURED.noise)
    assert noise[0] == 1
    assert (np.diff(noise) >= 0).all()
    assert len(noise) == 21


def test_measuring_takes_shards_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(_PATH.parent))
    measured, index = simulation.measure(tmp_path, 2, images=4, whole=20)
    assert 0 < measured.seconds < 60
    assert index > 0
    assert measured.noise[0] == 1
