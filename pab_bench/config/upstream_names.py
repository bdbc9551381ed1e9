"""The names that PAB's authors give to keys elsewhere than in the original document.

Source: VideoSys (NUS-HPC-AI-Lab), `configs/*/sample_pab.yaml` and `evaluations/pab/configs` up to
commit 083c082 say `*_broadcast`; its later `PABConfig` says `*_range`, too.
"""

from __future__ import annotations

from collections.abc import Mapping

from pab_bench.engine.kinds import KINDS

SAME_KEYS: Mapping[str, str] = {
    f"{kind}_{theirs}": f"{kind}_{ours}"
    for kind in KINDS
    for theirs, ours in (("broadcast", "skip"), ("range", "gap"))
}
"""Keys of PAB that have two names, and which of them is ours: `*_broadcast: true` is what the
original document writes as `*_skip: true`."""

OUR_KEYS: Mapping[str, str] = {
    **SAME_KEYS,
    "num_sampling_steps": "steps",
    "num_inference_steps": "steps",
    "guidance_scale": "guidance",
    "cfg_scale": "guidance",
    "seed": "seeds",
    "prompt": "prompts.texts",
    "text_prompt": "prompts.texts",
    "num_frames": "model.frames",
    "video_length": "model.frames",
    "height": "model.height",
    "width": "model.width",
    "model_path": "model.path",
    "pretrained_model_path": "model.path",
    "text_encoder_name": "model.text_encoder.path",
    "use_compile": "compile",
    "save_img_path": "results_dir",
    "save_dir": "results_dir",
    "mlp_spatial_broadcast_config": "mlp_keys",
    "mlp_temporal_broadcast_config": "mlp_keys",
    "mlp_layer_range": "mlp_block",
}
"""Names of theirs for which there is a key of ours."""

SAMPLING_KEYS = frozenset(
    """
    ae aes align aspect_ratio beta_end beta_schedule beta_start cache_dir cfg_scale
    condition_frame_length dtype enable_t5_speedup enable_temporal_attentions enable_tiling
    enable_vae_temporal_decoder eval eval_dataset flash_attn fps frame_interval guidance_scale
    height image_size model model_path multi_resolution num_frames num_sampling_steps
    pretrained_model_path prompt prompt_as_path resolution run_time sample_method save_dir
    save_img_path seed text_encoder_name text_prompt use_compile use_fp16 variance_type version
    video_length width
    """.split()  # noqa: SIM905
)
"""What stands beside PAB's keys in these files: how is sampled, nothing of what is broadcast."""
