"""Before any test module imports diffusers or lpips: torchvision must be importable."""

import pab_bench.torchvision_import  # noqa: F401
