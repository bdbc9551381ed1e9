"""Makes `import torchvision` work beside a torch that its compiled operators do not fit.

`lpips`, `torchmetrics` and `transformers` import torchvision for its Python parts (network
definitions, interpolation modes). A CUDA build of torchvision next to a CPU build of torch, which
is what a package index easily yields, cannot load its operators. torchvision tolerates that up to
one place, where it describes `torchvision::nms` and `qnms` to the compiler although nothing
defined them. Declaring the signatures is all it needs. No operator is faked: calling one fails.

Import this module before the libraries named above.
"""

from __future__ import annotations

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[torch.library.Library] = []


def make_torchvision_importable() -> None:
    """Import torchvision, declaring the signatures of `nms` where its operators do not load."""
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        library = torch.library.Library("torchvision", "DEF")
        for schema in _SCHEMAS:
            library.define(schema)
        _declared.append(library)  # A library's declarations live as long as the object.
        import torchvision  # noqa: F401


make_torchvision_importable()
