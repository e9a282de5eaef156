"""YOLO rows of videos: a row for each object and frame."""
