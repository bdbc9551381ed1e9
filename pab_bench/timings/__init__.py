"""Times of the transformer's calls: which calls are alike, what was measured, what follows.

Nothing here runs a model, so that tables and predictions need no torch.
"""
