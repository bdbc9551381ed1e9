"""DBCache on a small Latte, whose two kinds of blocks see the tokens in two layouts.

Held against the model's own blocks, which are told by hand to give back what they are given. It has
16 frames of 16 tokens, so that layouts which are mixed up are no error of shapes.
"""

from pathlib import Path

import pytest
import torch
from golden.followed import follow
from golden.scenes import Used, scene_of

from pab_bench.engine.kinds import SPATIAL, TEMPORAL
from pab_bench.methods.dbcache import DBCache

FIXTURES = Path(__file__).parents[2] / "fixtures"
STEPS = 6


class ByHand:
    """Leaves out pairs of blocks from `first` to `last`; tokens are (batch, frames, tokens, width).

    Args:
        transformer: whose blocks' forwards are replaced.
        pairs: first pair that may be left out, and the one after the last.
        threshold: of the difference of what the first pairs change.
        frames: of the latents.
    """

    def __init__(self, transformer, pairs, threshold, frames):
        self.first, self.end = pairs
        self.threshold, self.frames = threshold, frames
        self.known = self.change = None
        self.digits = ""
        self.is_left_out = False
        spatial, temporal = transformer.transformer_blocks, transformer.temporal_transformer_blocks
        for pair in range(len(spatial)):
            self.replace(spatial[pair], pair, False)
            self.replace(temporal[pair], pair, True)

    def tokens(self, x, is_temporal):
        if is_temporal:  # (batch * tokens, frames, width)
            return x.reshape(2, -1, self.frames, x.shape[-1]).permute(0, 2, 1, 3)
        return x.reshape(2, self.frames, -1, x.shape[-1])

    def like(self, tokens, is_temporal):
        if is_temporal:
            tokens = tokens.permute(0, 2, 1, 3)
        return tokens.reshape(-1, *tokens.shape[2:])

    def replace(self, block, pair, is_temporal):
        own = block.forward

        def forward(x, *args, **kwargs):
            if pair == 0 and not is_temporal:
                self.start = self.tokens(x, False)
            if pair == self.first and not is_temporal:
                self.decide(self.tokens(x, False))
            if not (self.first <= pair < self.end and self.is_left_out):
                result = own(x, *args, **kwargs)
                if pair == self.end - 1 and is_temporal:
                    self.change = self.tokens(result, True) - self.entered
                return result
            if pair == self.end - 1 and is_temporal:
                return self.like(self.entered + self.change, True)
            return x

        block.forward = forward

    def decide(self, entered):
        self.entered, change = entered, entered - self.start
        self.is_left_out = self.known is not None and bool(
            (change - self.known).abs().mean() / self.known.abs().mean() < self.threshold
        )
        if not self.is_left_out:
            self.known = change
        self.digits += "10"[self.is_left_out]


@pytest.mark.parametrize("last_blocks", [0, 1])
def test_pairs_are_left_out_in_the_order_in_which_they_are_called(last_blocks):
    scene = scene_of(Used("latte/latte_tiny_pab: all", FIXTURES))
    method = DBCache(first_blocks=1, last_blocks=last_blocks, warm_up=0, threshold=0.5)
    ours = follow(scene, method, STEPS, scene.guidance)
    transformer = scene.architecture.transformer
    frames = ours.latents.shape[3]
    assert frames == (ours.latents.shape[-1] // transformer.config.patch_size) ** 2
    depth = len(transformer.transformer_blocks)
    by_hand = ByHand(transformer, (1, depth - last_blocks), 0.5, frames)
    expected = []
    scene.denoise(STEPS, scene.guidance, lambda latents: expected.append(latents.clone()))
    assert torch.allclose(ours.latents, torch.stack(expected), rtol=1e-5, atol=1e-5)
    visits = ours.engine.ledger.visits
    for group in (SPATIAL, TEMPORAL):
        middle = visits[group][0, :, 1]
        assert "".join("01"[int(visit == 1)] for visit in middle) == by_hand.digits
        assert (visits[group][0, :, 0] == 1).all()
    assert "0" in by_hand.digits
    assert by_hand.digits.count("1") > 1
