"""Splits one video over ranks by hooks, and records every collective that this takes.

It knows nothing of what is kept and reused: an attention that is reused does not call its module,
so that the hooks around it do not run, and nothing is sent.
"""
