"""Pipelines of Cosmos, tiny and with random weights, and a guardrail that lets all through.

The guardrail of these pipelines is a package with models of its own, which is not here; a pipeline
loaded without one makes its own, and so the class is replaced while tests run.
"""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch
from diffusers import (
    AutoencoderKLCosmos,
    AutoencoderKLWan,
    Cosmos2_5_PredictBasePipeline,
    CosmosTextToWorldPipeline,
    CosmosTransformer3DModel,
    EDMEulerScheduler,
    UniPCMultistepScheduler,
)
from diffusers.pipelines.cosmos import pipeline_cosmos2_5_predict, pipeline_cosmos_text2world
from systems.diffusers.tiny_parts import WIDTH, finished, t5_parts, tokenizer
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

DEPTH = 2
LAYERS = 2


class Guardrail(torch.nn.Module):
    """Finds nothing unsafe."""

    dtype, device = torch.float32, torch.device("cpu")

    def check_text_safety(self, prompt):
        return True

    def check_video_safety(self, frames):
        return frames


@contextmanager
def guarded():
    """While it is open, Cosmos pipelines are made with that guardrail."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (pipeline_cosmos_text2world, pipeline_cosmos2_5_predict):
            patch.setattr(module, "CosmosSafetyChecker", Guardrail)
        yield


def unguarded(pipeline):
    """To be saved: what is not in a folder is made when it is loaded."""
    pipeline.register_modules(safety_checker=None)
    return finished(pipeline)


def transformer(**more):
    return CosmosTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        num_layers=DEPTH,
        mlp_ratio=2,
        adaln_lora_dim=4,
        max_size=(4, 32, 32),
        patch_size=(1, 2, 2),
        rope_scale=(2.0, 1.0, 1.0),
        concat_padding_mask=True,
        **more,
    )


def cosmos():
    """9 frames of 32 x 32: 3 latent frames of 8 x 8, of which a token spans 2 x 2."""
    torch.manual_seed(0)
    with guarded():
        return unguarded(
            CosmosTextToWorldPipeline(
                **t5_parts(),
                vae=AutoencoderKLCosmos(
                    latent_channels=4,
                    encoder_block_out_channels=(8, 8, 8, 8),
                    decode_block_out_channels=(8, 8, 8, 8),
                    attention_resolutions=(8,),
                    resolution=64,
                    num_layers=1,
                    patch_size=4,
                    patch_type="haar",
                    scaling_factor=1.0,
                    spatial_compression_ratio=4,
                    temporal_compression_ratio=4,
                ),
                transformer=transformer(
                    in_channels=4,
                    out_channels=4,
                    text_embed_dim=WIDTH,
                    extra_pos_embed_type="learnable",
                ),
                scheduler=EDMEulerScheduler(sigma_max=80.0, final_sigmas_type="sigma_min"),
            )
        )


def qwen(size):
    text = {
        "vocab_size": size,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e6},
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 1,
    }
    vision = {
        "depth": 1,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_heads": 2,
        "out_hidden_size": 16,
    }
    own = Qwen2_5_VLConfig(text_config=text, vision_config=vision, pad_token_id=0)
    return Qwen2_5_VLForConditionalGeneration(own)


def cosmos25():
    """5 frames of 32 x 32: 2 latent frames of 4 x 4, of which a token spans 2 x 2."""
    torch.manual_seed(0)
    own = tokenizer()
    own.chat_template = "{% for own in messages %}{{ own['content'][0]['text'] }} {% endfor %}"
    with guarded():
        return unguarded(
            Cosmos2_5_PredictBasePipeline(
                text_encoder=qwen(len(own)),
                tokenizer=own,
                vae=AutoencoderKLWan(
                    base_dim=4,
                    z_dim=4,
                    dim_mult=[1, 1, 1, 1],
                    num_res_blocks=1,
                    temperal_downsample=[False, True, True],
                    latents_mean=[0.1, 0.2, -0.1, 0.0],
                    latents_std=[1.0, 1.5, 2.0, 1.2],
                ),
                transformer=transformer(
                    in_channels=4 + 1,
                    out_channels=4,
                    text_embed_dim=WIDTH,
                    extra_pos_embed_type=None,
                    use_crossattn_projection=True,
                    crossattn_proj_in_channels=16 * LAYERS,
                    encoder_hidden_states_channels=WIDTH,
                ),
                scheduler=UniPCMultistepScheduler(
                    use_karras_sigmas=True,
                    use_flow_sigmas=True,
                    prediction_type="flow_prediction",
                    sigma_max=200.0,
                    sigma_min=0.01,
                ),
            )
        )
