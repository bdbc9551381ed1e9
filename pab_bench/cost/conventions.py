"""What counts as a floating-point operation. Published numbers follow different conventions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pab_bench.cost.work import Work
from pab_bench.engine.kinds import Kind
from pab_bench.errors import ConfigError
from pab_bench.systems.blueprint import Decoder

Traffic = Literal["sent", "column"]
"""Which bytes of a rank count: those that leave it, padding included, or those that Table 4 counts:
unpadded, what a rank keeps for itself included, without the gather at the end of a call."""


@dataclass(frozen=True)
class Convention:
    """One way to count.

    Attributes:
        name: as in `convention=`.
        description: what it is, and who uses it.
        per_multiply_add: operations that a multiply-add counts as: 1 or 2.
        guidance_batch: whether both halves of the classifier-free guidance batch are counted.
        attention: whether products of queries with keys and of probabilities with values count.
        unseen_attention: per system the kinds of which they do not count although `attention` is
            true, because the counter did not know the kernel.
        text_encoder: whether encoding the prompts counts, at their padded length.
        decoder: whether decoding counts, by the model's own decoder or by the paper's.
        text_tokens: per system the text tokens of a prompt; where it says nothing, those of the
            configured prompts, or the padded length if there is no tokenizer.
        row_tokens: the same by method, of methods that were counted with another prompt.
        traffic: which bytes between ranks count.
    """

    name: str
    description: str
    per_multiply_add: int = 2
    guidance_batch: bool = True
    attention: bool = True
    unseen_attention: Mapping[str, tuple[Kind, ...]] = field(default_factory=dict)
    text_encoder: bool = False
    decoder: Decoder = "none"
    text_tokens: Mapping[str, int] = field(default_factory=dict)
    row_tokens: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    traffic: Traffic = "sent"

    def count(self, work: Work, system: str, kind: Kind | None = None) -> int:
        """Operations of some work, of a site of `kind` or outside all sites."""
        seen = self.attention and kind not in self.unseen_attention.get(system, ())
        return self.per_multiply_add * (work.linear + (work.attention if seen else 0))

    def tokens(self, system: str, method: str) -> int | None:
        """Text tokens of a prompt, where the convention says something."""
        return self.row_tokens.get(method, self.text_tokens).get(system)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.name,
            "description": self.description,
            "per_multiply_add": self.per_multiply_add,
            "guidance_batch": self.guidance_batch,
            "attention": self.attention,
            "unseen_attention": {k: list(v) for k, v in self.unseen_attention.items()},
            "text_encoder": self.text_encoder,
            "decoder": self.decoder,
            "text_tokens": dict(self.text_tokens),
            "row_tokens": {method: dict(own) for method, own in self.row_tokens.items()},
            "traffic": self.traffic,
        }


_OTHER_ROWS = {"latte": 12, "open_sora": 12, "open_sora_plan": 8}
"""Text tokens that the printed rows of T-GATE and Delta-DiT tell, which are others than PAB's."""
_ALL = (
    Convention(
        name="transformer",
        description="two operations per multiply-add of every transformer call",
    ),
    Convention(
        name="macs",
        description="one operation per multiply-add of every transformer call",
        per_multiply_add=1,
    ),
    Convention(
        name="linear_macs",
        description="one operation per multiply-add of the transformer's linear layers and "
        "convolutions, as counters that hook modules see them (so are Skip-DiT's FLOPs of Latte)",
        per_multiply_add=1,
        attention=False,
    ),
    Convention(
        name="one_prompt",
        description="two operations per multiply-add, of the conditional half of every "
        "transformer call",
        guidance_batch=False,
    ),
    Convention(
        name="generation",
        description="two operations per multiply-add of text encoder, transformer and decoder",
        text_encoder=True,
        decoder="model",
    ),
    Convention(
        name="paper",
        description="Table 1 of PAB (arXiv 2408.12588), reconstructed: a whole generation for a "
        "short prompt; of Open-Sora's spatial and cross-attention the fused kernels were not seen",
        unseen_attention={"open_sora": ("spatial", "cross")},
        text_encoder=True,
        decoder="paper",
        text_tokens={"latte": 6, "open_sora": 12, "open_sora_plan": 6},
        row_tokens=dict.fromkeys(("tgate_pab", "delta_dit_pab"), _OTHER_ROWS),
        traffic="column",
    ),
)
CONVENTIONS: Mapping[str, Convention] = {convention.name: convention for convention in _ALL}
DEFAULT = "transformer"


def get_convention(name: str) -> Convention:
    """The convention of that name.

    Raises:
        ConfigError: if there is none.
    """
    if name not in CONVENTIONS:
        raise ConfigError(f"convention={name}: must be one of {', '.join(CONVENTIONS)}")
    return CONVENTIONS[name]
