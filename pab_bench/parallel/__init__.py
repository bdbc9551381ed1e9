"""One video on several ranks: what they send each other, and what that is predicted to take.

`volumes`, `link` and `scaling_model` are arithmetic and import no torch.
"""
