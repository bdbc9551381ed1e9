"""Measures, on videos in which nothing is reused, the constants by which methods decide."""
