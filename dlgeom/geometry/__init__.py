"""Arithmetic on plain arrays: no labels, no files.

Coordinates are continuous pixels: x grows rightwards, y grows downwards, and the pixel in row r
and column c covers ``[c, c + 1) x [r, r + 1)``. So a box ``(0, 0, width, height)`` covers an
image exactly, and the bounds of a mask are exclusive at the right and at the bottom. Angles are
degrees, clockwise on the screen (from +x towards +y).
"""
