"""PAB as others have it: diffusers' own hook, and twenty lines that keep calls of a step apart."""

from __future__ import annotations

from diffusers import PyramidAttentionBroadcastConfig, apply_pyramid_attention_broadcast
from systems.diffusers.driven import WINDOW


def attach_hook(pipeline, gap):
    """Let diffusers' hook reuse self- and cross-attention in all steps but every `gap`-th.

    On a pipeline that calls its transformer several times a step, the hook counts calls.
    """
    config = PyramidAttentionBroadcastConfig(
        spatial_attention_block_skip_range=gap,
        cross_attention_block_skip_range=gap,
        spatial_attention_timestep_skip_range=WINDOW,
        cross_attention_timestep_skip_range=WINDOW,
        spatial_attention_block_identifiers=("transformer_blocks", "^blocks"),
        cross_attention_block_identifiers=("transformer_blocks", "^blocks"),
        current_timestep_callback=lambda: 500,
    )
    apply_pyramid_attention_broadcast(pipeline.transformer, config)


def attach_per_lane(pipeline, gap, lanes):
    """Reuse the same, with a count and a memory of every module for each call of a step."""
    calls = -1

    def count(module, args):
        nonlocal calls
        calls += 1

    def wrap(module):
        own, kept = module.forward, {}

        def forward(*args, **kwargs):
            step, lane = divmod(calls, lanes)
            if step % gap == 0:
                kept[lane] = own(*args, **kwargs)
            return kept[lane]

        module.forward = forward

    pipeline.transformer.register_forward_pre_hook(count)
    for name, module in pipeline.transformer.named_modules():
        if name.rpartition(".")[2] in ("attn1", "attn2"):
            wrap(module)
