"""Suppression, matching and key points against plain loops, scipy and pycocotools."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.optimize import linear_sum_assignment
from strategies import masks, polygons, rotated_boxes

from dlgeom.errors import DlgeomError, GeometryError, UsageError
from dlgeom.geometry import overlap, rle
from dlgeom.geometry.ragged import Rings, Runs


@st.composite
def shape_rows(draw: st.DrawFn) -> tuple[object, int]:
    """Boxes on a coarse grid (many equal overlaps), or any other kind."""
    count = draw(st.integers(0, 8))
    kind = draw(st.sampled_from(["box", "box", "rotated", "polygon", "mask"]))
    small = st.integers(0, 6)
    if kind == "box":
        values = draw(
            st.lists(st.tuples(small, small, small, small), min_size=count, max_size=count)
        )
        rows = np.array(values, dtype=float).reshape(-1, 4)
        rows[:, 2:] += rows[:, :2]
        return rows, count
    if kind == "rotated":
        rows = np.concatenate(
            [np.zeros((0, 5)), *draw(st.lists(rotated_boxes(max_rows=2), max_size=4))]
        )
        rows[:, :2] /= 5
        return rows, len(rows)
    if kind == "polygon":
        outline = draw(st.lists(polygons(max_parts=2), max_size=4))
        return Rings.of(outline), len(outline)
    drawn = draw(st.lists(masks(shape=(6, 7)), max_size=6))
    return Runs.of([(rle.encode(m), m.shape) for m in drawn]), len(drawn)


@st.composite
def scored(draw: st.DrawFn) -> tuple[object, NDArray, NDArray]:
    shapes, count = draw(shape_rows())
    tenth = st.integers(0, 5).map(lambda v: v / 5)
    scores = draw(st.lists(tenth, min_size=count, max_size=count))
    classes = draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    return shapes, np.array(scores, dtype=float), np.array(classes, dtype=int)


def plain_nms(iou: NDArray, scores: NDArray, classes: NDArray, limit: float) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(scores)), key=lambda k: (-scores[k], k)):
        if all(classes[i] != classes[k] or iou[k, i] <= limit for k in kept):
            kept.append(i)
    return kept


def plain_soft(
    iou: NDArray, scores: NDArray, classes: NDArray, method: str, limit: float, least: float
) -> list[tuple[int, float]]:
    left = dict(enumerate(scores.tolist()))
    kept = []
    while left:
        best = max(left, key=lambda k: (left[k], -k))
        score = left.pop(best)
        if score < least:
            break
        kept.append((best, score))
        for k in left:
            if classes[k] == classes[best]:
                value = iou[best, k]
                if method == "gaussian":
                    left[k] *= np.exp(-(value**2) / 0.5)
                elif value >= limit:
                    left[k] *= 1 - value
    return kept


# ---------------------------------------------------------------- suppression


@given(
    scored(), st.sampled_from([0.0, 0.2, 0.5, 1.0]), st.booleans(), st.sampled_from([None, 0, 2])
)
@settings(max_examples=300)
def test_nms_is_the_plain_loop(row: tuple, limit: float, aware: bool, most: int | None) -> None:
    shapes, scores, classes = row
    iou = overlap.pairwise_iou(shapes, shapes)
    expected = plain_nms(iou, scores, classes if aware else classes * 0, limit)[:most]
    given_classes = classes if aware else None
    options = {"iou_threshold": limit, "class_ids": given_classes, "max_detections": most}
    assert overlap.nms(shapes, scores, **options).tolist() == expected
    assert overlap.nms_table(iou, scores, **options).tolist() == expected


@given(
    scored(), st.sampled_from(["linear", "gaussian"]), st.sampled_from([0.0, 0.3]), st.booleans()
)
@settings(max_examples=300)
def test_soft_nms_is_the_plain_loop(row: tuple, method: str, limit: float, aware: bool) -> None:
    shapes, scores, classes = row
    iou = overlap.pairwise_iou(shapes, shapes)
    expected = plain_soft(iou, scores, classes if aware else classes * 0, method, limit, 0.05)
    given_classes = classes if aware else None
    options = {
        "method": method,
        "iou_threshold": limit,
        "score_threshold": 0.05,
        "class_ids": given_classes,
    }
    for indices, values in (
        overlap.soft_nms(shapes, scores, **options),
        overlap.soft_nms_table(iou, scores, **options),
    ):
        assert indices.tolist() == [index for index, _ in expected]
        assert values == pytest.approx([score for _, score in expected])
    first, _ = overlap.soft_nms(shapes, scores, max_detections=1, **options)
    assert first.tolist() == [index for index, _ in expected[:1]]


def test_nms_of_key_points_takes_the_one_that_stays_as_the_truth() -> None:
    rng = np.random.default_rng(1)
    points = np.concatenate(
        (rng.integers(0, 60, (9, 17, 2)), rng.integers(0, 3, (9, 17, 1))), axis=2
    )
    points[4:] = points[:5] + np.array([2, 1, 0])
    scores = rng.integers(0, 4, 9) / 4
    areas = np.full(9, 900.0)
    table = overlap.pairwise_oks(points, points, areas).T
    for limit in (0.1, 0.5, 0.9):
        expected = plain_nms(table, scores, np.zeros(9), limit)
        assert overlap.nms(points, scores, areas=areas, iou_threshold=limit).tolist() == expected
    assert len(overlap.nms(points, scores)) < 9  # areas of the bounds of the points
    soft = overlap.soft_nms(points, scores, areas=areas)
    table_soft = overlap.soft_nms_table(table, scores)
    assert soft[0].tolist() == table_soft[0].tolist()
    assert np.array_equal(soft[1], table_soft[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: overlap.nms([[0, 0, 1, 1]], [np.nan]), "finite numbers"),
        (lambda: overlap.nms([[0, 0, 1, 1]], [1, 2]), "1 shapes have 2 scores"),
        (lambda: overlap.nms([[0, 0, 1, 1]], [1], iou_threshold=50), "lies in"),
        (lambda: overlap.nms([[0, 0, 1, 1]], [1], class_ids=[1, 2]), "class_ids"),
        (lambda: overlap.nms([[0, 0, 1, 1]], [1], max_detections=-1), "max_detections"),
        (lambda: overlap.nms_table(np.eye(2), [1]), "table has shape"),
        (lambda: overlap.soft_nms([[0, 0, 1, 1]], [-1]), "negative"),
        (lambda: overlap.soft_nms([[0, 0, 1, 1]], [1], method="cubic"), "method is"),
        (lambda: overlap.soft_nms([[0, 0, 1, 1]], [1], sigma=0), "sigma is"),
        (lambda: overlap.match([], [], iou_threshold=0), "iou_threshold is"),
        (lambda: overlap.match([], [], method="best"), "method is"),
        (lambda: overlap.match([], [], objective="best"), "objective is"),
        (lambda: overlap.match([], [], ignore=[True]), "ignore has shape"),
        (lambda: overlap.match([], [], scores=[1]), "scores have shape"),
        (lambda: overlap.match([], [], class_ids=([1], [])), "class_ids have shapes"),
        (lambda: overlap.match_table([[np.nan]]), "without NaN"),
        (lambda: overlap.match_table([[1]], iou_threshold=0), "iou_threshold is"),
        (lambda: overlap.pairwise_oks([[[0, 0]]], [[[0, 0]]], [1]), "second has shape"),
        (lambda: overlap.pairwise_oks([[[0, 0]]], [[[0, 0, 2]]], [1]), "COCO's sigmas"),
        (lambda: overlap.pairwise_oks([[[0, 0]]], [[[0, 0, 2]]], [-1], sigmas=1), "areas have"),
        (lambda: overlap.pairwise_oks([[[0, 0]]], [[[0, 0, 2]]], [1], sigmas=0), "sigmas have"),
        (lambda: overlap.pairwise_oks([[[0, np.inf]]], [[[0, 0, 2]]], [1]), "not finite"),
        (lambda: overlap.pairwise_oks([[[0, 0]] * 2], [[[0, 0, 2]]], [1]), "key points against"),
        (lambda: overlap.paired_oks([], [[[0, 0, 2]]], [1], sigmas=1), "pairs need"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(call: object, message: str) -> None:
    with pytest.raises(DlgeomError, match=message) as caught:
        call()
    assert isinstance(caught.value, GeometryError | UsageError)


# ---------------------------------------------------------------- matching


tables = st.tuples(st.integers(0, 6), st.integers(0, 6)).flatmap(
    lambda shape: st.lists(
        st.integers(0, 20), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]
    ).map(lambda values: np.array(values, dtype=float).reshape(shape) / 20)
)


@given(tables, st.sampled_from([0.05, 0.3, 0.5, 1.0]))
@settings(max_examples=300)
def test_optimal_matching_has_the_sum_and_number_of_scipy(table: NDArray, limit: float) -> None:
    allowed = np.where(table >= min(limit, 1 - 1e-10), table, 0.0)
    best = allowed[linear_sum_assignment(allowed, maximize=True)].sum()
    found = overlap.match_table(table, iou_threshold=limit, method="optimal")
    check_matches(found, table, limit)
    assert found.iou.sum() == pytest.approx(best, abs=1e-12)
    most = overlap.match_table(table, iou_threshold=limit, method="optimal", objective="number")
    check_matches(most, table, limit)
    weights = np.where(allowed > 0, allowed + 100, 0.0)
    chosen = linear_sum_assignment(weights, maximize=True)
    assert len(most) == int((weights[chosen] > 0).sum())
    assert most.iou.sum() == pytest.approx(allowed[chosen].sum(), abs=1e-9)


def check_matches(found: overlap.Matches, table: NDArray, limit: float) -> None:
    assert len(set(found.first.tolist())) == len(set(found.second.tolist())) == len(found)
    assert np.array_equal(found.iou, table[found.first, found.second])
    assert (found.iou >= min(limit, 1 - 1e-10)).all()
    assert sorted([*found.first, *found.unmatched_first]) == list(range(table.shape[0]))
    assert sorted([*found.second, *found.unmatched_second]) == list(range(table.shape[1]))


def test_optimal_matching_of_large_tables_has_the_sum_of_scipy() -> None:
    rng = np.random.default_rng(2)
    for shape in ((120, 150), (150, 90)):
        table = rng.random(shape)
        best = table[linear_sum_assignment(table, maximize=True)].sum()
        found = overlap.match_table(table, iou_threshold=1e-9, method="optimal")
        assert found.iou.sum() == pytest.approx(best, abs=1e-9)


@given(tables, st.sampled_from([0.05, 0.5]))
def test_greedy_matching_without_scores_takes_the_best_pair_first(
    table: NDArray, limit: float
) -> None:
    found = overlap.match_table(table, iou_threshold=limit)
    check_matches(found, table, limit)
    left = np.where(table >= limit, table, 0.0)
    expected = []
    while left.any():
        row, column = np.unravel_index(left.argmax(), left.shape)
        expected.append((int(row), int(column), float(left[row, column])))
        left[row], left[:, column] = 0, 0
    assert found.pairs == sorted(expected)


def coco_loop(
    table: NDArray, scores: NDArray, crowd: NDArray, ignore: NDArray, limit: float
) -> tuple[dict[int, int], set[int]]:
    """COCOeval.evaluateImg for one threshold, written out."""
    ignored = crowd | ignore
    order = np.argsort(ignored, kind="stable").tolist()
    taken: set[int] = set()
    pairs, met = {}, set()
    for row in np.argsort(-scores, kind="stable").tolist():
        best, chosen = min(limit, 1 - 1e-10), -1
        for column in order:
            if column in taken and not crowd[column]:
                continue
            if chosen > -1 and not ignored[chosen] and ignored[column]:
                break
            if table[row, column] < best:
                continue
            best, chosen = table[row, column], column
        if chosen < 0:
            continue
        taken.add(chosen)
        if ignored[chosen]:
            met.add(row)
        else:
            pairs[row] = chosen
    return pairs, met


@given(tables, st.data(), st.sampled_from([0.05, 0.5, 1.0]))
@settings(max_examples=300)
def test_greedy_matching_by_score_is_coco_s(
    table: NDArray, data: st.DataObject, limit: float
) -> None:
    n, m = table.shape
    scores = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), dtype=float)
    crowd, ignore = (
        np.array(data.draw(st.lists(st.booleans(), min_size=m, max_size=m)), dtype=bool)
        for _ in range(2)
    )
    found = overlap.match_table(
        table, iou_threshold=limit, scores=scores, iscrowd=crowd, ignore=ignore
    )
    pairs, met = coco_loop(table, scores, crowd, ignore, limit)
    assert dict(zip(found.first.tolist(), found.second.tolist(), strict=True)) == pairs
    assert set(found.ignored_first.tolist()) == met
    assert found.ignored_second.tolist() == np.flatnonzero(crowd | ignore).tolist()
    assert set(found.unmatched_first.tolist()) == set(range(n)) - set(pairs) - met


def width(rows: object) -> int:
    return rows.shape[1] if isinstance(rows, np.ndarray) else 0


@given(scored(), scored(), st.sampled_from(["greedy", "optimal"]), st.booleans())
@settings(max_examples=100)
def test_matching_shapes_is_matching_their_table(
    one: tuple, two: tuple, method: str, aware: bool
) -> None:
    first, scores, classes = one
    second, _, others = two
    if type(first) is not type(second) or width(first) != width(second):
        second, others = first, classes
    ids = (classes, others) if aware else None
    crowd = others == 1
    table = overlap.pairwise_iou(first, second, iscrowd=crowd)
    options = {"iou_threshold": 0.2, "method": method, "class_ids": ids, "iscrowd": crowd}
    if method == "greedy":
        options["scores"] = scores
    found = overlap.match(first, second, **options)
    expected = overlap.match_table(table, **options)
    assert found.pairs == expected.pairs
    assert found.ignored_first.tolist() == expected.ignored_first.tolist()


def test_what_matching_says() -> None:
    found = overlap.match_table([[0.9, 0.6], [0.8, 0.1], [0.0, 0.0]], method="optimal")
    assert found.pairs == [(0, 1, 0.6), (1, 0, 0.8)]
    assert (found.precision, found.recall, found.f1) == (2 / 3, 1.0, 0.8)
    assert found.mean_iou == pytest.approx(0.7)
    assert repr(found) == "Matches(2 pairs, 1 and 0 unmatched, f1=0.800)"
    with pytest.raises(ValueError, match="read-only"):
        found.first[0] = 5
    assert pickle.loads(pickle.dumps(found)).pairs == found.pairs
    nothing = overlap.match([], [])
    assert (nothing.precision, nothing.recall, nothing.f1, nothing.mean_iou) == (1, 1, 1, 0)
    missed = overlap.match([], [[0, 0, 1, 1]])
    assert (missed.precision, missed.recall, missed.f1) == (0, 0, 0)


# ---------------------------------------------------------------- key points


def coco_oks(truths: list[dict], found: list[dict], sigmas: NDArray | None) -> NDArray:
    """Ask pycocotools.cocoeval itself."""
    with contextlib.redirect_stdout(io.StringIO()):
        judge = COCOeval(iouType="keypoints")
    if sigmas is not None:
        judge.params.kpt_oks_sigmas = sigmas
    judge._gts[1, 1], judge._dts[1, 1] = truths, found
    return np.asarray(judge.computeOks(1, 1))


@given(st.data())
def test_oks_equals_cocoeval(data: st.DataObject) -> None:
    count = data.draw(st.sampled_from([1, 3, 17]))
    sigmas = None if count == 17 else np.array([0.1, 0.05, 0.2][:count])
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n, m = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    truth = np.concatenate(
        (rng.integers(0, 40, (m, count, 2)), rng.integers(0, 3, (m, count, 1))), 2
    )
    truth[rng.random(m) < 0.3, :, 2] = 0  # crowds and people without labelled points
    found = np.concatenate((rng.integers(-60, 90, (n, count, 2)) / 2, np.ones((n, count, 1))), 2)
    found[0] = truth[0]
    boxes = np.column_stack((rng.integers(0, 20, (m, 2)), rng.integers(0, 30, (m, 2))))
    areas = rng.integers(0, 900, m)
    theirs = coco_oks(
        [
            {"keypoints": t.ravel(), "bbox": b, "area": a}
            for t, b, a in zip(truth, boxes.tolist(), areas.tolist(), strict=True)
        ],
        [{"keypoints": f.ravel(), "score": 1} for f in found],
        sigmas,
    )
    xyxy = np.hstack((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]))
    ours = overlap.pairwise_oks(found, truth, areas, boxes=xyxy, sigmas=sigmas)
    assert ours == pytest.approx(theirs, abs=1e-14)
    k = min(n, m)
    paired = overlap.paired_oks(
        found[:k, :, :2], truth[:k], areas[:k], boxes=xyxy[:k], sigmas=sigmas
    )
    assert np.array_equal(paired, np.diag(ours))
    own = overlap.pairwise_oks(truth, truth, areas, boxes=xyxy, sigmas=sigmas)
    assert (np.diag(own)[(truth[:, :, 2] > 0).any(axis=1)] == 1).all()


def test_oks_of_real_people_equals_cocoeval(shared_data: Path) -> None:
    files = sorted(shared_data.glob("coco/**/*keypoints*.json"))
    pairs = 0
    for path in files:
        document = json.loads(path.read_bytes())
        if not isinstance(document, dict):
            continue
        people: dict = {}
        for record in document.get("annotations", []):
            if len(record.get("keypoints", ())) == 51 and "area" in record:
                people.setdefault(record["image_id"], []).append(record)
        for group in list(people.values())[:60]:
            points = np.array([person["keypoints"] for person in group], dtype=float)
            points = points.reshape(-1, 17, 3)
            moved = points + np.array([1.5, -2, 0])
            xywh = np.array([person["bbox"] for person in group])
            theirs = coco_oks(
                group, [{"keypoints": p.ravel(), "score": 1} for p in moved][:20], None
            )
            ours = overlap.pairwise_oks(
                moved[:20],
                points,
                [person["area"] for person in group],
                boxes=np.hstack((xywh[:, :2], xywh[:, :2] + xywh[:, 2:])),
            )
            assert ours == pytest.approx(theirs, abs=1e-14)
            pairs += ours.size
    assert pairs > 50


def test_coco_evaluation_of_real_boxes_makes_the_same_matches(shared_data: Path) -> None:
    """Match every image of a file against moved copies, and compare with COCOeval itself."""
    path = sorted(shared_data.glob("coco/coco_mini/instances_*.json"))[0]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        rng = np.random.default_rng(0)
        results = []
        for record in truth.dataset["annotations"]:
            for _ in range(2):
                moved = np.array(record["bbox"]) * rng.uniform(0.8, 1.2, 4)
                results.append(
                    {
                        "image_id": record["image_id"],
                        "category_id": record["category_id"],
                        "bbox": moved.tolist(),
                        "score": float(rng.integers(0, 8) / 8),
                    }
                )
        judge = COCOeval(truth, truth.loadRes(results), "bbox")
        judge.params.iouThrs = np.array([0.5])
        judge.params.areaRng = [[0, 1e10]]
        judge.params.maxDets = [1000]
        judge.evaluate()
    compared = 0
    for image in filter(None, judge.evalImgs):
        key = image["image_id"], image["category_id"]
        gts = judge._gts[key]
        dts = [judge.cocoDt.anns[k] for k in image["dtIds"]]
        xywh = [np.array([r["bbox"] for r in side]).reshape(-1, 4) for side in (dts, gts)]
        found = overlap.match(
            *(np.hstack((b[:, :2], b[:, :2] + b[:, 2:])) for b in xywh),
            scores=image["dtScores"],
            iscrowd=[r["iscrowd"] for r in gts],
        )
        matched = image["dtMatches"][0] > 0
        assert np.array_equal(
            np.sort(np.concatenate((found.first, found.ignored_first))), np.flatnonzero(matched)
        )
        ids = [gts[k]["id"] for k in found.second.tolist()]
        assert image["dtMatches"][0][found.first].tolist() == ids
        compared += len(dts)
    assert compared > 100
