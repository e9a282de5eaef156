"""Tracks and annotations over frames: the same states, either way."""

from __future__ import annotations

import msgspec

from dlgeom.annotation import Annotation
from dlgeom.annotation.frames import FrameAnnotation
from dlgeom.annotation.single import NO_DEFINITION
from dlgeom.errors import UsageError
from dlgeom.video.track import Keyframe, Track

__all__ = ["annotation_of", "track_of"]


def track_of(annotation: Annotation) -> Track:
    """Return the track of an annotation: the same state in each of its frames.

    A state that counts for a range of frames becomes two key frames, its first and its last one.

    Raises
    ------
    UsageError
        If the annotation has no definition yet.
    """
    if annotation.annotation_definition is NO_DEFINITION:
        raise UsageError("the annotation has no state yet; give it one with add_frame()")
    keyframes: list[Keyframe] = []
    for state in annotation.states:
        first = Keyframe(
            state.frame_num, state.annotation_definition, state.object_visible, state.fixed
        )
        keyframes.append(first)
        if state.last > state.frame_num:
            keyframes.append(msgspec.structs.replace(first, frame=state.last))
    return Track(
        tuple(keyframes),
        end_frame=annotation.end_frame,
        object_id=annotation.object_id,
        mode=annotation.interpolation,
    )


def annotation_of(track: Track, annotation: Annotation | None = None) -> Annotation:
    """Return an annotation whose states are the key frames; all else is that of `annotation`."""
    first, *later = (
        FrameAnnotation(keyframe.definition, keyframe.frame, keyframe.fixed, keyframe.visible)
        for keyframe in track.keyframes
    )
    base = Annotation(first.annotation_definition) if annotation is None else annotation.copy()
    made = msgspec.structs.replace(
        base,
        annotation_definition=first.annotation_definition,
        frame_num=first.frame_num,
        end_frame_num=track.end_frame,
        fixed=first.fixed,
        object_visible=first.object_visible,
        later=tuple(later),
        interpolation=track.mode,
        record=None,
        _away=None,
    )
    if track.object_id is not None:
        made.object_id = track.object_id
    made.start_time = float(made._time_of(made.start_frame))
    made.end_time = float(made._time_of(made.end_frame))
    return made
