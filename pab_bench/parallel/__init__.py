"""One video on several ranks: how it is split, what they send each other, what that takes.

Hooks split a video over ranks, and every collective that this takes is recorded. They know nothing
of what is kept and reused: an attention that is reused does not call its module, so that the hooks
around it do not run, and nothing is sent. `volumes`, `link` and `scaling_model` are arithmetic and
import no torch.
"""
