"""Before any test module imports diffusers or lpips: torchvision must be importable."""

import pab_bench.imports.torchvision  # noqa: F401
