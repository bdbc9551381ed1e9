"""Latte, and the block that systems of its kind share."""
