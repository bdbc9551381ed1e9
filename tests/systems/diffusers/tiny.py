"""Pipelines of diffusers' own classes, tiny and with random weights, without any file of the net.

No parameter is all zero: gates that begin at zero would make every test of a site vacuous.
"""

from __future__ import annotations

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLHunyuanVideo,
    AutoencoderKLHunyuanVideo15,
    AutoencoderKLLTXVideo,
    AutoencoderKLMochi,
    AutoencoderKLWan,
    ClassifierFreeGuidance,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideo15Pipeline,
    HunyuanVideo15Transformer3DModel,
    HunyuanVideoPipeline,
    HunyuanVideoTransformer3DModel,
    LattePipeline,
    LatteTransformer3DModel,
    LTXPipeline,
    LTXVideoTransformer3DModel,
    MochiPipeline,
    MochiTransformer3DModel,
    SanaVideoPipeline,
    SanaVideoTransformer3DModel,
    SkyReelsV2Pipeline,
    SkyReelsV2Transformer3DModel,
    UniPCMultistepScheduler,
    WanPipeline,
    WanTransformer3DModel,
)
from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video import DEFAULT_PROMPT_TEMPLATE
from systems.diffusers.tiny_parts import WIDTH, clip, finished, llama, t5, t5_parts, tokenizer
from systems.tiny_pipelines import tiny_cogvideox
from transformers import T5Config, T5EncoderModel, UMT5Config, UMT5EncoderModel

DEPTH = 2


def wan(**more):
    """5 frames of 32 x 32: 2 latent frames of 4 x 4, of which a token spans 2 x 2."""
    torch.manual_seed(0)
    own = tokenizer()
    return finished(
        WanPipeline(
            tokenizer=own,
            text_encoder=t5(UMT5EncoderModel, UMT5Config, len(own)),
            vae=AutoencoderKLWan(
                base_dim=4,
                z_dim=4,
                dim_mult=[1, 1, 1, 1],
                num_res_blocks=1,
                temperal_downsample=[False, True, True],
                latents_mean=[0.1, 0.2, -0.1, 0.0],
                latents_std=[1.0, 1.5, 2.0, 1.2],
            ),
            transformer=wan_transformer(),
            scheduler=UniPCMultistepScheduler(
                prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
            ),
            **more,
        )
    )


def wan_2_2():
    """As Wan, with a second transformer below a noise level of 950; guidance is its own default."""
    torch.manual_seed(7)
    return wan(transformer_2=wan_transformer(), boundary_ratio=0.95)


def wan_transformer(**more):
    return WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=4,
        out_channels=4,
        text_dim=WIDTH,
        freq_dim=16,
        ffn_dim=32,
        rope_max_seq_len=32,
        **{"num_layers": DEPTH, **more},
    )


def ltx():
    """9 frames of 32 x 32: 2 latent frames of 4 x 4 tokens."""
    torch.manual_seed(0)
    return finished(
        LTXPipeline(
            **t5_parts(),
            vae=AutoencoderKLLTXVideo(
                latent_channels=8,
                block_out_channels=(8, 8, 8, 8),
                decoder_block_out_channels=(8, 8, 8, 8),
                layers_per_block=(1, 1, 1, 1, 1),
                decoder_layers_per_block=(1, 1, 1, 1, 1),
                spatio_temporal_scaling=(True, True, False, False),
                decoder_spatio_temporal_scaling=(True, True, False, False),
                decoder_inject_noise=(False, False, False, False, False),
                upsample_residual=(False, False, False, False),
                upsample_factor=(1, 1, 1, 1),
                timestep_conditioning=False,
                patch_size=1,
                patch_size_t=1,
                encoder_causal=True,
                decoder_causal=False,
            ),
            transformer=LTXVideoTransformer3DModel(
                in_channels=8,
                out_channels=8,
                num_attention_heads=2,
                attention_head_dim=16,
                cross_attention_dim=32,
                num_layers=DEPTH,
                caption_channels=WIDTH,
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        )
    )


def mochi():
    """7 frames of 16 x 16: 2 latent frames of 4 x 4, of which a token spans 2 x 2."""
    torch.manual_seed(0)
    return finished(
        MochiPipeline(
            **t5_parts(),
            vae=AutoencoderKLMochi(
                latent_channels=12,
                out_channels=3,
                encoder_block_out_channels=(32, 32, 32, 32),
                decoder_block_out_channels=(32, 32, 32, 32),
                layers_per_block=(1, 1, 1, 1, 1),
            ),
            transformer=MochiTransformer3DModel(
                patch_size=2,
                num_attention_heads=2,
                attention_head_dim=8,
                num_layers=DEPTH,
                pooled_projection_dim=16,
                in_channels=12,
                text_embed_dim=WIDTH,
                time_embed_dim=8,
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(invert_sigmas=True),
        )
    )


def cogvideox():
    """9 frames of 32 x 32: 3 latent frames of 4 x 4, of which a token spans 2 x 2."""
    return finished(tiny_cogvideox(max_text_seq_length=226))


def latte():
    """3 frames of 32 x 32: 4 x 4 latents each, of which a token spans 2 x 2."""
    torch.manual_seed(0)
    return finished(
        LattePipeline(
            **t5_parts(),
            vae=AutoencoderKL(
                block_out_channels=(8, 8, 8, 8),
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                layers_per_block=1,
                norm_num_groups=4,
                latent_channels=4,
            ),
            transformer=LatteTransformer3DModel(
                num_attention_heads=2,
                attention_head_dim=8,
                in_channels=4,
                out_channels=8,
                num_layers=DEPTH,
                cross_attention_dim=16,
                attention_bias=True,
                sample_size=4,
                patch_size=2,
                activation_fn="gelu-approximate",
                num_embeds_ada_norm=1000,
                norm_type="ada_norm_single",
                norm_elementwise_affine=False,
                norm_eps=1e-6,
                caption_channels=WIDTH,
                video_length=3,
            ),
            scheduler=DDIMScheduler(),
        )
    )


SINGLE_DEPTH = 3


def hunyuan():
    """5 frames of 32 x 32: 2 latent frames of 4 x 4, of which a token spans 2 x 2.

    Of the pipeline's template so many words are known that it has more than the 95 tokens which the
    pipeline cuts off, and so few characters are left that the prompt is not cut off behind it.
    """
    torch.manual_seed(0)
    own = tokenizer(DEFAULT_PROMPT_TEMPLATE["template"].split()[12:])
    own_clip = tokenizer(max_length=77)
    return finished(
        HunyuanVideoPipeline(
            text_encoder=llama(len(own)),
            tokenizer=own,
            text_encoder_2=clip(len(own_clip), 77),
            tokenizer_2=own_clip,
            vae=AutoencoderKLHunyuanVideo(
                latent_channels=4,
                block_out_channels=(8, 8, 8, 8),
                layers_per_block=1,
                norm_num_groups=4,
            ),
            transformer=HunyuanVideoTransformer3DModel(
                in_channels=4,
                out_channels=4,
                num_attention_heads=2,
                attention_head_dim=10,
                num_layers=DEPTH,
                num_single_layers=SINGLE_DEPTH,
                num_refiner_layers=1,
                patch_size=2,
                guidance_embeds=True,
                text_embed_dim=WIDTH,
                pooled_projection_dim=16,
                rope_axes_dim=(2, 4, 4),
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        )
    )


def skyreels():
    """As Wan, of another class, with guidance in two calls and the text encoder of Wan."""
    torch.manual_seed(0)
    own = tokenizer()
    parts = wan().components
    return finished(
        SkyReelsV2Pipeline(
            tokenizer=own,
            text_encoder=parts["text_encoder"],
            vae=parts["vae"],
            transformer=SkyReelsV2Transformer3DModel(
                num_attention_heads=2,
                attention_head_dim=12,
                in_channels=4,
                out_channels=4,
                text_dim=WIDTH,
                freq_dim=16,
                ffn_dim=32,
                num_layers=DEPTH,
                rope_max_seq_len=32,
            ),
            scheduler=parts["scheduler"],
        )
    )


def sana():
    """5 frames, sampled at the size of a list that is nearest, and cropped after decoding."""
    torch.manual_seed(0)
    return finished(
        SanaVideoPipeline(
            **t5_parts(),
            vae=wan().vae,
            transformer=SanaVideoTransformer3DModel(
                in_channels=4,
                out_channels=4,
                num_attention_heads=2,
                attention_head_dim=12,
                num_layers=DEPTH,
                num_cross_attention_heads=2,
                cross_attention_head_dim=12,
                cross_attention_dim=24,
                caption_channels=WIDTH,
                mlp_ratio=2.0,
                sample_size=30,
            ),
            scheduler=DPMSolverMultistepScheduler(
                prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=8.0
            ),
        )
    )


def hunyuan15():
    """5 frames of 32 x 32: 2 latent frames of 2 x 2 tokens; guidance is a guider's."""
    torch.manual_seed(0)
    own = tokenizer()
    own.chat_template = "{% for own in messages %}{{ own['content'] }} {% endfor %}"
    return finished(
        HunyuanVideo15Pipeline(
            text_encoder=llama(len(own)),
            tokenizer=own,
            text_encoder_2=t5(T5EncoderModel, T5Config, len(own)),
            tokenizer_2=own,
            vae=AutoencoderKLHunyuanVideo15(
                latent_channels=4,
                block_out_channels=(32, 32, 32, 32, 32),
                layers_per_block=1,
            ),
            transformer=HunyuanVideo15Transformer3DModel(
                in_channels=9,
                out_channels=4,
                num_attention_heads=2,
                attention_head_dim=10,
                num_layers=DEPTH,
                num_refiner_layers=1,
                text_embed_dim=WIDTH,
                text_embed_2_dim=WIDTH,
                image_embed_dim=12,
                rope_axes_dim=(2, 4, 4),
                task_type="t2v",
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=5.0),
            guider=ClassifierFreeGuidance(guidance_scale=6.0),
        )
    )
