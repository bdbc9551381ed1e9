"""`task=claims`: do the observations that PAB rests on hold for this model?

From the curves of a baseline (how much each site's output changes from one denoising step to the
next), every claim is tested and gets an effect, an interval over videos and a plain verdict. All
but `task` are pure functions of a table of curves.
"""
