"""Two folders of videos that anyone made, measured against each other without any model."""

CRASHED = 3
"""Exit status after a crash: Python's own would be 1, which is said of refused pairs."""
