"""Which method is best: methods at equal speed and at equal quality, from the points of a sweep."""
