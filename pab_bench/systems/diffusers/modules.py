"""Which modules of a transformer attend or are MLPs, by rule.

The rule found all of them in twenty pipelines of diffusers 0.42.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from diffusers.models.attention import AttentionModuleMixin
from diffusers.models.attention_processor import Attention, MochiAttention
from torch import nn

Sort = Literal["attention", "mlp"]


@dataclass(frozen=True)
class Candidate:
    """An attention or MLP module that may be a site.

    Attributes:
        module: the module.
        sort: which of the two.
        name: within the transformer.
        blocks: name of its list of blocks; None outside of all.
        block: index of its block in that list.
        local: its name within the block.
    """

    module: nn.Module
    sort: Sort
    name: str
    blocks: str | None = None
    block: int = 0
    local: str = ""


def sort_of(module: nn.Module) -> Sort | None:
    """What a module is; None for all others."""
    if isinstance(module, Attention | MochiAttention | AttentionModuleMixin):
        return "attention"
    name = type(module).__name__
    return "mlp" if name.endswith("FeedForward") or name == "GLUMBTempConv" else None


def block_lists(transformer: nn.Module) -> Mapping[str, nn.ModuleList]:
    """The lists of blocks: direct children of the transformer that hold attention."""
    return {
        name: child
        for name, child in transformer.named_children()
        if isinstance(child, nn.ModuleList)
        and any(sort_of(module) == "attention" for module in child.modules())
    }


def depth_of(transformer: nn.Module) -> int:
    """Number of blocks of the longest list; 0 if there is none."""
    return max((len(blocks) for blocks in block_lists(transformer).values()), default=0)


def check_alike(transformers: Mapping[str, nn.Module]) -> None:
    """Check that transformers are of one class and shape, so that they have the same sites.

    Args:
        transformers: by the names of their parts.

    Raises:
        ValueError: naming two of them and what differs.
    """
    (first, one), *others = transformers.items()
    shapes = _shapes(one)
    for name, other in others:
        differing = sorted(shapes.items() ^ _shapes(other).items())
        if differing:
            raise ValueError(
                f"{first} and {name} differ in {differing[0][0]}: a plan needs the same sites in "
                "all transformers"
            )


def _shapes(transformer: nn.Module) -> dict[str, object]:
    shapes = {name: tuple(own.shape) for name, own in transformer.named_parameters()}
    return {"their class": type(transformer).__name__, **shapes}


def candidates(transformer: nn.Module) -> Iterator[Candidate]:
    """All attention and MLP modules in order, those inside of another one left out."""
    lists = block_lists(transformer)
    seen: list[str] = []
    for name, module in transformer.named_modules():
        sort = sort_of(module)
        if sort is None or any(name.startswith(f"{outer}.") for outer in seen):
            continue
        seen.append(name)
        head, _, rest = name.partition(".")
        number, _, local = rest.partition(".")
        if head in lists and local:
            yield Candidate(module, sort, name, head, int(number), local)
        else:
            yield Candidate(module, sort, name)
