"""Which papers stand behind which method, system, metric and package.

Whoever adds one of them adds a line here, if only an empty one; a test looks for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from pab_bench.metrics.through_mp4 import SUFFIX

Papers = Mapping[str, tuple[str, ...]]
"""Keys of `references.bib`; none for what no paper has introduced."""

METHODS: Papers = {
    "pab": ("zhao2024pab",),
    "adacache": ("kahatapitiya2024adacache",),
    "dbcache": ("vipshop2025cachedit", "vonplaten2022diffusers"),
    "delta_dit": ("chen2024deltadit",),
    "delta_dit_pab": ("chen2024deltadit", "zhao2024pab"),
    "easycache": ("zhou2025easycache",),
    "external": ("vonplaten2022diffusers",),
    "fastercache": ("lv2024fastercache",),
    "fastercache_diffusers": ("lv2024fastercache", "vonplaten2022diffusers"),
    "fewer_steps": (),
    "fora": ("selvaraju2024fora",),
    "magcache": ("ma2025magcache",),
    "mask": (),
    "seacache": ("chung2026seacache", "vonplaten2022diffusers"),
    "taylorseer": ("liu2025taylorseer",),
    "teacache": ("liu2024teacache",),
    "tgate": ("zhang2024tgate",),
    "tgate_pab": ("zhang2024tgate", "zhao2024pab"),
}

SYSTEMS: Papers = {
    "latte": ("ma2024latte", "song2021ddim"),
    "open_sora": ("zheng2024opensora", "liu2023rectifiedflow"),
    "open_sora_plan": ("lin2024opensoraplan", "liu2022pndm"),
    "cogvideox": ("yang2024cogvideox", "song2021ddim"),
    "diffusers": (),
    "wan": ("wan2025wan",),
    "hunyuan_video": ("kong2024hunyuanvideo",),
    "ltx_video": ("hacohen2024ltxvideo",),
    "cosmos": ("nvidia2025cosmos",),
    "mochi": ("genmo2024mochi",),
}
"""The model and, where it is its own, the sampler; a mini has its architecture from there."""

PARALLEL: Papers = {
    "none": (),
    "dsp": ("zhao2024dsp", "zhao2024pab"),
    "ulysses": ("jacobs2023ulysses",),
    "megatron_sp": ("korthikanti2022sequence",),
}
"""How ranks share a video."""

_VBENCH = "huang2024vbench"

_METRICS: Papers = {
    "psnr": (),
    "mse": (),
    "ssim": ("wang2004ssim",),
    "lpips": ("zhang2018lpips",),
    "lpips_nonspatial": ("zhang2018lpips",),
    "lpips_vgg": ("zhang2018lpips", "simonyan2014vgg"),
    "lpips_vgg_nonspatial": ("zhang2018lpips", "simonyan2014vgg"),
    "lpips_squeeze": ("zhang2018lpips", "iandola2016squeezenet"),
    "lpips_squeeze_nonspatial": ("zhang2018lpips", "iandola2016squeezenet"),
    "temporal_flickering": (_VBENCH,),
    "subject_consistency": (_VBENCH, "caron2021dino"),
    "background_consistency": (_VBENCH, "radford2021clip"),
    "motion_smoothness": (_VBENCH, "li2023amt"),
    "dynamic_degree": (_VBENCH, "teed2020raft"),
    "aesthetic_quality": (_VBENCH, "radford2021clip", "laion2022aesthetic"),
    "imaging_quality": (_VBENCH, "ke2021musiq"),
    "overall_consistency": (_VBENCH, "wang2023internvid"),
    "difference_flickering": (),
    "motion_ratio": (),
    "colour_shift": (),
    "sharpness_ratio": ("pechpacheco2000focus",),
    "dis_flow": ("kroeger2016dis", _VBENCH),
    "dis_dynamic_degree": ("kroeger2016dis", _VBENCH),
    "dis_motion_ratio": ("kroeger2016dis",),
    "alexnet_consistency": ("krizhevsky2014alexnet", _VBENCH),
    "blend_smoothness": (_VBENCH,),
    "fvd": ("unterthiner2018fvd", "skorokhodov2022styleganv", "carreira2017i3d"),
}

METRICS: Papers = {
    **_METRICS,
    # As PAB's authors measured.
    **{f"{name}{SUFFIX}": ("zhao2024pab", *papers) for name, papers in _METRICS.items()},
}

PACKAGES: Papers = {
    "torch": ("ansel2024pytorch",),
    "diffusers": ("vonplaten2022diffusers",),
    "transformers": ("wolf2020transformers",),
}
"""Packages whose version can change a video."""
