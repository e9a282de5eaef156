"""Pairs that are best together: the assignment problem on a list of possible pairs."""

from __future__ import annotations

import numpy as np

from dlgeom.geometry.overlap._pairs import Floats, Ints

__all__ = ["assign"]


def assign(
    rows: Ints, columns: Ints, values: Floats, counts: tuple[int, ...], *, objective: str = "sum"
) -> Ints:
    """Return which of the possible pairs make the best matching.

    Each row and each column is in at most one pair.

    Parameters
    ----------
    rows, columns : ndarray of int64, shape (P,)
        The pairs that are allowed, each once.
    values : ndarray of float64, shape (P,)
        What each pair is worth, > 0.
    counts : (int, int)
        Number of rows and columns.
    objective : {"sum", "number"}
        What is made as large as possible: the sum of the values, or the number of pairs and,
        among equally many, the sum.

    Returns
    -------
    ndarray of int64, shape (n,)
        Positions in the list of pairs, ascending.

    Notes
    -----
    Pairs fall apart into groups that have no row or column in common; each is solved by shortest
    augmenting paths (Jonker and Volgenant, 1987), O(n**2 m) for n rows and m columns.
    """
    group = _groups(rows, columns, counts)
    order = np.argsort(group, kind="stable")
    cuts = np.flatnonzero(np.diff(group[order])) + 1
    taken = []
    for pairs in np.split(order, cuts):
        if len(pairs) <= 1:
            taken.append(pairs)
            continue
        row_ids, row = np.unique(rows[pairs], return_inverse=True)
        column_ids, column = np.unique(columns[pairs], return_inverse=True)
        worth = values[pairs]
        if objective == "number":
            # More than all values of the others together, so that a pair more always wins.
            worth = worth + (min(len(row_ids), len(column_ids)) + 1) * float(worth.max())
        table = np.zeros((len(row_ids), len(column_ids)))
        place = np.full(table.shape, -1, dtype=np.int64)
        table[row, column], place[row, column] = worth, pairs
        chosen = place[_solve(table)]
        taken.append(chosen[chosen >= 0])
    return np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *taken]))


def _groups(rows: Ints, columns: Ints, counts: tuple[int, ...]) -> Ints:
    """Return a number for each pair, equal for those that hang together."""
    label = np.arange(counts[0] + counts[1])
    ends = columns + counts[0]
    while True:
        # Each pair takes the lower number of its ends; then numbers follow their own numbers.
        lower = np.minimum(label[rows], label[ends])
        before = label.copy()
        np.minimum.at(label, rows, lower)
        np.minimum.at(label, ends, lower)
        label = label[label]
        if np.array_equal(label, before):
            return np.asarray(label[rows])


def _solve(table: Floats) -> tuple[Ints, Ints]:
    """Return rows and columns of the assignment with the largest sum, min(n, m) pairs."""
    if table.shape[0] > table.shape[1]:
        columns, rows = _solve(table.T)
        return rows, columns
    cost = float(table.max(initial=0.0)) - table
    n, m = cost.shape
    row_price, column_price = np.zeros(n), np.zeros(m)
    row_of = np.full(m, -1, dtype=np.int64)
    for start in range(n):
        distance = np.full(m, np.inf)
        before = np.full(m, -1, dtype=np.int64)
        done = np.zeros(m, dtype=np.bool_)
        row, column, reached = start, -1, 0.0
        while True:
            new = reached + cost[row] - row_price[row] - column_price
            shorter = (new < distance) & ~done
            distance[shorter] = new[shorter]
            before[shorter] = column
            column = int(np.where(done, np.inf, distance).argmin())
            reached = float(distance[column])
            if row_of[column] < 0:
                break
            done[column] = True
            row = int(row_of[column])
        # Prices keep all costs of the found paths at 0.
        row_price[start] += reached
        passed = np.flatnonzero(done)
        row_price[row_of[passed]] += reached - distance[passed]
        column_price[passed] -= reached - distance[passed]
        while column >= 0:
            previous = int(before[column])
            row_of[column] = start if previous < 0 else row_of[previous]
            column = previous
    columns = np.flatnonzero(row_of >= 0)
    return row_of[columns], columns
