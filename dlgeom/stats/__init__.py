"""Counts and distributions of a data set: as a value, a table, JSON or a picture."""

from __future__ import annotations

from dlgeom.stats.collecting import statistics
from dlgeom.stats.values import Distribution, LabelStatistics, Statistics

__all__ = ["Distribution", "LabelStatistics", "Statistics", "statistics"]
