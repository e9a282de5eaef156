"""The name of a record of several shapes stands at what is seen of it."""

from __future__ import annotations

import numpy as np

import dlgeom as dl
from dlgeom.render import overlay
from dlgeom.render.scene import bounds_of


def unlabelled_person() -> dl.Annotation:
    hidden = dl.Pose("person", "t")
    assert hidden.bounds[0] != hidden.bounds[0]
    ring = dl.Polygon([(200, 200), (240, 200), (240, 260)], "person")
    return dl.Annotation(annotation_definition=hidden, companions=(ring,))


def test_a_person_without_key_points_is_named_at_its_outline() -> None:
    one = unlabelled_person()
    assert bounds_of(one) == (200, 200, 240, 260)
    scene = dl.AnnotationCollection(dl.Item(width=300, height=300), [one])
    image = np.zeros((300, 300, 3), dtype=np.uint8)
    with_name, without = overlay(image, scene), overlay(image, scene, with_text=False)
    rows, columns = np.nonzero((with_name != without).any(axis=2))
    assert len(rows)
    assert rows.min() > 150
    assert columns.min() > 150
    shown = scene.show(with_text=True), scene.show()
    rows, _ = np.nonzero((shown[0] != shown[1]).any(axis=2))
    assert len(rows)
    assert rows.min() > 150


def test_what_has_no_place_has_no_bounds() -> None:
    one = dl.Annotation(annotation_definition=dl.Classification("k"))
    assert all(edge != edge for edge in bounds_of(one))
