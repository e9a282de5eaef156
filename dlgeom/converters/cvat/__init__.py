"""CVAT for images 1.1 and CVAT for video 1.1: XML with tracks, shapes of all kinds, attributes."""
