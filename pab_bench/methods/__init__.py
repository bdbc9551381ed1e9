"""Acceleration methods: a file each, which says what is computed and what is reused when."""
