"""Open-Sora-Plan's pipeline: text to video with PNDM.

Source: Open-Sora-Plan v1.1.0, `opensora/sample/pipeline_videogen.py` and `sample_t2v.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import numpy as np
import torch
from diffusers import DiffusionPipeline, PNDMScheduler
from diffusers.pipelines.latte.pipeline_latte import LattePipelineOutput
from diffusers.utils.torch_utils import randn_tensor
from diffusers.video_processor import VideoProcessor
from transformers import T5EncoderModel, T5Tokenizer

from pab_bench.systems.loading import answer_to_old_names
from pab_bench.systems.open_sora_plan import transformer, vae
from pab_bench.systems.open_sora_plan.text import encode, mask_features, prepare_prompt
from pab_bench.systems.open_sora_plan.transformer import LatteT2V
from pab_bench.systems.open_sora_plan.vae import CausalVAEModel

answer_to_old_names(transformer, vae)

OUTPUT_TYPES = ("latent", "pt", "np", "pil", "uint8")

Callback = Callable[[Any, int, torch.Tensor, dict[str, Any]], dict[str, Any] | None]


class OpenSoraPlanPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Text to video.

    Args:
        tokenizer: T5's.
        text_encoder: T5's encoder; released models use `DeepFloyd/t5-v1_1-xxl`.
        vae: the video autoencoder.
        transformer: predicts the noise.
        scheduler: `PNDMScheduler()`, which upstream uses with all its defaults: N steps call the
            transformer N + 9 times, and N is at least 4.
    """

    model_cpu_offload_seq = "text_encoder->transformer->vae"
    _optional_components: ClassVar[list[str]] = ["tokenizer", "text_encoder"]
    _callback_tensor_inputs: ClassVar[list[str]] = [
        "latents",
        "prompt_embeds",
        "negative_prompt_embeds",
    ]

    def __init__(
        self,
        tokenizer: T5Tokenizer,
        text_encoder: T5EncoderModel,
        vae: CausalVAEModel,
        transformer: LatteT2V,
        scheduler: PNDMScheduler,
    ) -> None:
        super().__init__()
        self.register_modules(
            tokenizer=tokenizer,
            text_encoder=text_encoder,
            vae=vae,
            transformer=transformer,
            scheduler=scheduler,
        )
        self.video_processor = VideoProcessor(vae_scale_factor=vae.spatial_compression_ratio)
        self._interrupt = False

    @property
    def interrupt(self) -> bool:
        """Set by a callback to leave the remaining steps out."""
        return self._interrupt

    def encode_prompt(
        self,
        prompt: str | Sequence[str],
        negative_prompt: str | Sequence[str] = "",
        do_classifier_free_guidance: bool = True,
        clean_caption: bool = True,
        mask_feature: bool = True,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Text features of B prompts and of what guidance leads away from.

        Args:
            prompt: one or several.
            negative_prompt: one for all, or one for each.
            do_classifier_free_guidance: whether the second is needed.
            clean_caption: see `pab_bench.systems.text_cleaning`; False only lowers the case.
            mask_feature: see `mask_features`; False keeps padding as the encoder left it.

        Returns:
            (B, L, width) and the same shape or None. With one prompt L is its number of tokens, and
            the negative prompt is cut to that number, with padding if it is shorter.
        """
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        length = self.transformer.config.model_max_length
        features, mask = self._encode(prompts, length, clean_caption)
        if mask_feature:
            features = mask_features(features, mask)
        if not do_classifier_free_guidance:
            return features, None
        negative = self._encode_negative(negative_prompt, len(prompts), length, clean_caption)
        return features, negative[:, : features.shape[1]]

    def _encode_negative(
        self, negative_prompt: str | Sequence[str], count: int, length: int, clean: bool
    ) -> torch.Tensor:
        one = isinstance(negative_prompt, str)
        prompts = [str(negative_prompt)] * count if one else list(negative_prompt)
        if len(prompts) != count:
            raise ValueError(
                f"negative_prompt: expected one, or one for each of {count} prompts, "
                f"got {len(prompts)}"
            )
        return self._encode(prompts, length, clean)[0]

    def _encode(
        self, prompts: Sequence[str], length: int, clean: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self.tokenizer is None or self.text_encoder is None:
            raise ValueError("prompt: this pipeline has no text encoder; give prompt_embeds")
        prepared = [prepare_prompt(prompt, clean) for prompt in prompts]
        return encode(prepared, self.tokenizer, self.text_encoder, length, self._execution_device)

    def latent_shape(
        self, batch: int, num_frames: int, height: int, width: int
    ) -> tuple[int, int, int, int, int]:
        """(B, channels, frames, height, width) of the latents of a video.

        Raises:
            ValueError: if the autoencoder has no latents of that size.
        """
        time = self.vae.temporal_compression_ratio
        space = self.vae.spatial_compression_ratio * self.transformer.config.patch_size
        if num_frames < 1 or (num_frames - 1) % time:
            raise ValueError(f"num_frames: must be 1 more than a multiple of {time}: {num_frames}")
        for name, value in (("height", height), ("width", width)):
            if value < space or value % space:
                raise ValueError(f"{name}: must be a positive multiple of {space}, got {value}")
        return (
            batch,
            self.transformer.config.in_channels,
            (num_frames - 1) // time + 1,
            height // self.vae.spatial_compression_ratio,
            width // self.vae.spatial_compression_ratio,
        )

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | Sequence[str] | None = None,
        negative_prompt: str | Sequence[str] = "",
        num_inference_steps: int = 150,
        guidance_scale: float = 7.5,
        num_frames: int | None = None,
        height: int | None = None,
        width: int | None = None,
        num_videos_per_prompt: int = 1,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: torch.Tensor | None = None,
        prompt_embeds: torch.Tensor | None = None,
        negative_prompt_embeds: torch.Tensor | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        clean_caption: bool = True,
        mask_feature: bool = True,
        enable_temporal_attentions: bool = True,
        callback_on_step_end: Callback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> LattePipelineOutput | tuple[Any]:
        """Make videos.

        Args:
            prompt: one or several; or `prompt_embeds`.
            negative_prompt: what guidance leads away from; one for all, or one for each.
            num_inference_steps: denoising steps N, at least 4 with PNDM; N + 9 transformer calls.
            guidance_scale: of classifier-free guidance; up to 1 there is none.
            num_frames: 1 more than a multiple of 4; None = what the model was trained on.
            height: pixels, a multiple of 16; None = what the model was trained on.
            width: likewise.
            num_videos_per_prompt: videos of each prompt, next to each other.
            generator: source of the noise, one or one per video.
            latents: the noise instead (B, 4, (num_frames - 1) / 4 + 1, height / 8, width / 8).
            prompt_embeds: text features (B, L, width) instead of `prompt`.
            negative_prompt_embeds: their negative counterpart, of the same shape.
            output_type: `latent`; `pt` (B, F, 3, H, W) or `np` (B, F, H, W, 3) in [0, 1]; `pil`
                lists; or `uint8` (B, F, H, W, 3) as upstream writes them, truncated.
            return_dict: False = a tuple.
            clean_caption: see `encode_prompt`.
            mask_feature: see `encode_prompt`.
            enable_temporal_attentions: False makes independent images.
            callback_on_step_end: called as (pipeline, call, timestep, tensors) after every call of
                the transformer; tensors it returns replace those here.
            callback_on_step_end_tensor_inputs: what it is given: `latents`, `prompt_embeds`,
                `negative_prompt_embeds`.

        Returns:
            `frames`.

        Raises:
            ValueError: for arguments that contradict each other or that the models cannot do.
        """
        self._check(prompt, prompt_embeds, negative_prompt_embeds, output_type, num_inference_steps)
        unknown = set(callback_on_step_end_tensor_inputs) - set(self._callback_tensor_inputs)
        if unknown:
            raise ValueError(
                f"callback_on_step_end_tensor_inputs: expected some of "
                f"{self._callback_tensor_inputs}, got {sorted(unknown)}"
            )
        config, vae = self.transformer.config, self.vae
        num_frames = num_frames or (config.video_length - 1) * vae.temporal_compression_ratio + 1
        height = height or config.sample_size[0] * vae.spatial_compression_ratio
        width = width or config.sample_size[1] * vae.spatial_compression_ratio
        guided = guidance_scale > 1
        self._interrupt = False

        if prompt is not None:
            text, negative = self.encode_prompt(
                prompt, negative_prompt, guided, clean_caption, mask_feature
            )
        else:
            assert prompt_embeds is not None  # `_check` saw to it.
            text, negative = prompt_embeds, negative_prompt_embeds if guided else None
            if guided and negative is None:
                negative = self._encode_negative(
                    negative_prompt, len(text), text.shape[1], clean_caption
                )
        text = self._per_video(text, num_videos_per_prompt)
        if negative is not None:
            negative = self._per_video(negative, num_videos_per_prompt)
        shape = self.latent_shape(len(text), num_frames, height, width)
        if latents is None:
            latents = randn_tensor(shape, generator=generator, device=text.device, dtype=text.dtype)
        elif latents.shape != shape:
            raise ValueError(f"latents: expected {shape}, got {tuple(latents.shape)}")
        self.scheduler.set_timesteps(num_inference_steps, device=text.device)
        current = latents.to(text) * self.scheduler.init_noise_sigma

        timesteps = self.scheduler.timesteps
        with self.progress_bar(total=len(timesteps)) as progress:
            for call, timestep in enumerate(timesteps):
                if self._interrupt:
                    break
                noise = self._predict_noise(
                    current, timestep, text, negative, guidance_scale, enable_temporal_attentions
                )
                current = self.scheduler.step(noise, timestep, current, return_dict=False)[0]
                if callback_on_step_end is not None:
                    tensors = {
                        "latents": current,
                        "prompt_embeds": text,
                        "negative_prompt_embeds": negative,
                    }
                    given = {name: tensors[name] for name in callback_on_step_end_tensor_inputs}
                    returned = callback_on_step_end(self, call, timestep, given) or {}
                    current = returned.get("latents", current)
                    text = returned.get("prompt_embeds", text)
                    negative = returned.get("negative_prompt_embeds", negative)
                progress.update()

        frames = current if output_type == "latent" else self.decode_latents(current, output_type)
        self.maybe_free_model_hooks()
        return LattePipelineOutput(frames=frames) if return_dict else (frames,)

    def _per_video(self, features: torch.Tensor, videos: int) -> torch.Tensor:
        """Features of each prompt for each of its videos, where the transformer needs them."""
        return features.repeat_interleave(videos, dim=0).to(
            self._execution_device, self.transformer.dtype
        )

    def _predict_noise(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        text: torch.Tensor,
        negative_text: torch.Tensor | None,
        guidance_scale: float,
        temporal: bool,
    ) -> torch.Tensor:
        inputs = self.scheduler.scale_model_input(latents, timestep)
        if negative_text is not None:
            inputs, text = torch.cat([inputs, inputs]), torch.cat([negative_text, text])
        output = self.transformer(
            hidden_states=inputs,
            timestep=timestep.expand(len(inputs)),
            encoder_hidden_states=text,
            enable_temporal_attentions=temporal,
            return_dict=False,
        )[0]
        if negative_text is not None:
            negative, positive = output.chunk(2)
            output = negative + guidance_scale * (positive - negative)
        # Behind the noise come variances that PNDM does not use.
        noise: torch.Tensor = output[:, : latents.shape[1]]
        return noise

    @torch.no_grad()
    def decode_latents(self, latents: torch.Tensor, output_type: str = "uint8") -> Any:
        """Frames of latents, in one of the `output_type`s of `__call__` but `latent`."""
        scaled = latents.to(self.vae.dtype) / self.vae.config.scaling_factor
        video = self.vae.decode(scaled).sample
        if output_type != "uint8":
            return self.video_processor.postprocess_video(video.float(), output_type)
        truncated = ((video / 2 + 0.5).clamp(0, 1) * 255).to(torch.uint8)
        frames = truncated.permute(0, 2, 3, 4, 1).cpu().numpy()
        return np.ascontiguousarray(frames)

    def _check(
        self,
        prompt: str | Sequence[str] | None,
        prompt_embeds: torch.Tensor | None,
        negative_prompt_embeds: torch.Tensor | None,
        output_type: str,
        steps: int,
    ) -> None:
        if (prompt is None) == (prompt_embeds is None):
            raise ValueError("prompt, prompt_embeds: expected one of the two")
        if prompt is not None and negative_prompt_embeds is not None:
            raise ValueError("negative_prompt_embeds: needs prompt_embeds instead of prompt")
        if (
            prompt_embeds is not None
            and negative_prompt_embeds is not None
            and prompt_embeds.shape != negative_prompt_embeds.shape
        ):
            raise ValueError(
                f"negative_prompt_embeds: expected the shape of prompt_embeds "
                f"{tuple(prompt_embeds.shape)}, got {tuple(negative_prompt_embeds.shape)}"
            )
        if output_type not in OUTPUT_TYPES:
            raise ValueError(f"output_type: expected one of {OUTPUT_TYPES}, got {output_type!r}")
        least = getattr(self.scheduler, "pndm_order", 1)
        if steps < least:
            raise ValueError(f"num_inference_steps: must be at least {least}, got {steps}")
