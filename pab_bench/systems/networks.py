"""The networks of one checkpoint on the `meta` device: shapes from its files, or known ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from torch import nn

from pab_bench.errors import ConfigError
from pab_bench.systems.checkpoints.construct import TEXT_ENCODER, Network, construct, make
from pab_bench.systems.checkpoints.part import Part
from pab_bench.systems.checkpoints.scheduler import load_scheduler
from pab_bench.systems.checkpoints.tokenizer import load_tokenizer
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.weights import setting_of

T5_XXL: Mapping[str, Any] = {
    "vocab_size": 32128,
    "d_model": 4096,
    "d_kv": 64,
    "d_ff": 10240,
    "num_layers": 24,
    "num_heads": 64,
    "feed_forward_proj": "gated-gelu",
}
"""Arguments of T5 v1.1 XXL's configuration (DeepFloyd/t5-v1_1-xxl), which all systems use."""


class Networks:
    """Builds the networks of a checkpoint without numbers.

    Args:
        model: which checkpoint.
        embedded: the folder of the checkpoint that ships with the package, if one does.
        repository: the released checkpoint, whose shapes are known without its files.
        released: constructor arguments of its networks by part.
        dtype: of all networks.

    Raises:
        ConfigError: if the shapes are not known.
    """

    def __init__(
        self,
        model: ModelSettings,
        embedded: Path | None,
        repository: str,
        released: Mapping[str, Mapping[str, Any]],
        dtype: torch.dtype,
    ) -> None:
        self.dtype = dtype
        self._setting = setting_of(model)
        self._released = released
        self.folder: Path | None = None
        own = embedded if model.repository is None else None
        path = own if model.path is None else Path(model.path).expanduser()
        if path is not None and (path / "model_index.json").is_file():
            self.folder = path
        elif model.repository != repository:
            raise ConfigError(
                f"model.repository={model.repository} model.path={model.path}: without weights "
                f"only {repository} is known, or a folder with a pipeline's model_index.json"
            )

    def released(self, part: str) -> dict[str, Any]:
        """Constructor arguments of a part of the released checkpoint."""
        return dict(self._released.get(part, {}))

    def scheduler(self, kind: Any) -> Any:
        """The checkpoint's scheduler, which is of that class.

        Raises:
            CheckpointRefused: if the checkpoint's file is damaged or of another class.
        """
        if self.folder is None:
            return kind.from_config(self.released("scheduler"))
        return load_scheduler(self._part("scheduler"), kind)

    def build(self, network: Network, part: str) -> Any:
        """A part as the checkpoint's files describe it.

        Raises:
            CheckpointRefused: if they describe another network or none.
        """
        if self.folder is None:
            return self.on_meta(lambda: make(network.kind, self.released(part)))
        return self.on_meta(lambda: construct(self._part(part), network))

    def on_meta(self, make: Callable[[], nn.Module]) -> Any:
        """A network without numbers, in inference mode."""
        with torch.device("meta"):
            network = make()
        # Some parameters ignore the device context. Not the network's own `to`: diffusers' warns.
        return nn.Module.to(network, device="meta", dtype=self.dtype).eval()

    @cached_property
    def text_encoder(self) -> Any:
        """A T5 encoder."""
        return self.build(TEXT_ENCODER, "text_encoder")

    def encode(self, tokens: int) -> None:
        """Run the text encoder on one prompt of `tokens` tokens."""
        self.text_encoder(torch.zeros(1, tokens, dtype=torch.long, device="meta"))

    def text_tokens(self, prompts: Sequence[str], most: int) -> int | None:
        """Tokens of the longest prompt, cut to `most`; None if there is no tokenizer here."""
        if self.folder is None or not (self.folder / "tokenizer").is_dir():
            return None
        words = int(self.text_encoder.config.vocab_size)
        tokenizer = load_tokenizer(self._part("tokenizer"), words)
        return min(max(len(tokenizer(prompt).input_ids) for prompt in prompts), most)

    def empty(self, *shape: int) -> torch.Tensor:
        """A tensor without numbers."""
        return torch.empty(shape, device="meta", dtype=self.dtype)

    def _part(self, name: str) -> Part:
        assert self.folder is not None
        return Part(self._setting, name, self.folder / name)
