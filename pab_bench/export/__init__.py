"""Hands videos to other programs and reads back what they say."""
