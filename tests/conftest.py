"""Before any test module imports diffusers or lpips: torchvision must be importable.

Property tests draw the same examples in every run, so that what passed once passes again;
`--hypothesis-profile=search` draws new ones.
"""

from hypothesis import settings

import pab_bench.imports.torchvision  # noqa: F401

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=1000, deadline=None)
settings.load_profile("repeatable")
