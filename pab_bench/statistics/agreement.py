"""Whether two lists of values are in the same order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Numbers = npt.NDArray[np.float64]


def rank_correlation(first: Numbers, second: Numbers) -> Numbers:
    """Spearman's rank correlation of the columns, row by row; ties have their mean rank.

    Args:
        first: (draws, items).
        second: likewise.

    Returns:
        (draws,), from -1 to 1; NaN where all of one side are equal.

    >>> rank_correlation(np.array([[1.0, 2, 3]]), np.array([[5.0, 7, 6]])).tolist()
    [0.5]
    """
    ranks = [rankdata(values, axis=1) for values in (first, second)]
    apart = [own - own.mean(axis=1, keepdims=True) for own in ranks]
    squares = np.sqrt(np.prod([(own**2).sum(axis=1) for own in apart], axis=0))
    known = squares > 0
    products = (apart[0] * apart[1]).sum(axis=1)
    found: Numbers = np.where(known, products / np.where(known, squares, 1.0), np.nan)
    return found
