"""Annotations that span the frames of a video."""
