"""Pyramid Attention Broadcast: what the user says, what follows from it, and how it is done.

`kinds`, `rules` and `plan` are pure data and need no torch; `engine` attaches a plan to a model.
"""
