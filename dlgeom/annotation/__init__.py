"""Annotations, their states over the frames of a video, and the collection of one item."""

from __future__ import annotations

from dlgeom.annotation.collection import AnnotationCollection, ItemAnnotations
from dlgeom.annotation.frames import FrameAnnotation, Frames
from dlgeom.annotation.single import Annotation

__all__ = ["Annotation", "AnnotationCollection", "FrameAnnotation", "Frames", "ItemAnnotations"]
