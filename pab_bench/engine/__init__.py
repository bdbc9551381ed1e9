"""Carries out a plan: what a site is, what is decided for it, what is kept, what really happened.

`kinds` and `plan` are data and need no torch; `engine` attaches a plan to a transformer.
"""
