"""Text to video with Open-Sora 1.2, as a diffusers pipeline."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from diffusers import DiffusionPipeline
from diffusers.utils import BaseOutput
from diffusers.utils.torch_utils import randn_tensor
from diffusers.video_processor import VideoProcessor
from transformers import PreTrainedTokenizerBase, T5EncoderModel

from pab_bench.systems.loading import answer_to_old_names
from pab_bench.systems.open_sora import scheduler, transformer, vae
from pab_bench.systems.open_sora.prompts import prepare_prompt
from pab_bench.systems.open_sora.scheduler import RectifiedFlowScheduler
from pab_bench.systems.open_sora.sizes import check_frames, check_side
from pab_bench.systems.open_sora.transformer import STDiT3Transformer
from pab_bench.systems.open_sora.vae import OpenSoraVAE

answer_to_old_names(scheduler, transformer, vae)

OUTPUT_TYPES = ("pil", "np", "pt", "latent")
FPS = 24
IMAGE_FPS = 120
"""What the transformer is told for a single image."""


@dataclass
class OpenSoraOutput(BaseOutput):  # type: ignore[misc]
    """What the pipeline returns.

    Attributes:
        frames: (batch, frames, height, width, 3) in [0, 1] for `np`, (batch, frames, 3, height,
            width) for `pt`, lists of images for `pil`, latents for `latent`.
    """

    frames: Any


class OpenSoraPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Open-Sora 1.2.

    Source: hpcaitech/Open-Sora `opensora/v1.2`, `scripts/inference.py` and
    `opensora/schedulers/rf`; one clip per prompt, without conditioning frames.

    Args:
        tokenizer: T5's; None if text features are given, like the next.
        text_encoder: T5's encoder.
        vae: the video autoencoder; None if latents are given and asked for.
        transformer: STDiT3.
        scheduler: rectified flow.
    """

    model_cpu_offload_seq = "text_encoder->transformer->vae"
    _callback_tensor_inputs: ClassVar[list[str]] = ["latents"]

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase | None,
        text_encoder: T5EncoderModel | None,
        vae: OpenSoraVAE | None,
        transformer: STDiT3Transformer,
        scheduler: RectifiedFlowScheduler,
    ) -> None:
        super().__init__()
        self.register_modules(
            tokenizer=tokenizer,
            text_encoder=text_encoder,
            vae=vae,
            transformer=transformer,
            scheduler=scheduler,
        )
        self.video_processor = VideoProcessor(vae_scale_factor=8)

    @torch.no_grad()
    def encode_prompt(
        self,
        prompt: str | Sequence[str],
        device: torch.device | str | None = None,
        aesthetic_score: float | None = 6.5,
        motion_score: float | None = None,
        camera_motion: str | None = None,
        clean_caption: bool = True,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Text features (prompts, words, width) and their mask (prompts, words), 1 = a word.

        Args:
            prompt: one prompt or several.
            device: where to encode.
            aesthetic_score: appended to the prompt as upstream does; None = not.
            motion_score: likewise.
            camera_motion: likewise.
            clean_caption: clean as upstream does, twice: lower case, no web addresses and so on.
        """
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        texts = [
            prepare_prompt(
                text,
                aesthetic_score=aesthetic_score,
                motion_score=motion_score,
                camera_motion=camera_motion,
                clean=clean_caption,
            )
            for text in prompts
        ]
        words = self.transformer.config.model_max_length
        for text in texts:
            tokens = self.tokenizer(text, verbose=False).input_ids
            if len(tokens) > words:
                kept = self.tokenizer.decode(tokens[: words - 1], skip_special_tokens=True)
                warnings.warn(
                    f"the prompt has {len(tokens)} tokens, the model reads {words}: cut after "
                    f"...{kept[-60:]!r}",
                    stacklevel=2,
                )
        encoded = self.tokenizer(
            texts,
            max_length=words,
            padding="max_length",
            truncation=True,
            return_tensors="pt",
        )
        device = device or self._execution_device
        mask = encoded.attention_mask.to(device)
        features = self.text_encoder(
            input_ids=encoded.input_ids.to(device), attention_mask=mask
        ).last_hidden_state
        return features, mask

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | Sequence[str] | None = None,
        num_frames: int = 51,
        height: int = 480,
        width: int = 854,
        num_inference_steps: int = 30,
        guidance_scale: float = 7.0,
        fps: float | None = None,
        aesthetic_score: float | None = 6.5,
        motion_score: float | None = None,
        camera_motion: str | None = None,
        clean_caption: bool = True,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: torch.Tensor | None = None,
        prompt_embeds: torch.Tensor | None = None,
        prompt_attention_mask: torch.Tensor | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: Callable[[Any, int, torch.Tensor, dict[str, Any]], Any] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> OpenSoraOutput | tuple[Any]:
        """Sample videos.

        The unconditional half of classifier-free guidance sees the transformer's null embedding,
        with the mask of the prompt; there is no negative prompt.

        Args:
            prompt: one prompt or several.
            num_frames: 1 (an image), or at least 17.
            height: in pixels; the decoded video has 8 * (height // 8).
            width: in pixels, likewise.
            num_inference_steps: denoising steps.
            guidance_scale: up to 1, without guidance.
            fps: told to the transformer; None = 24, or 120 for an image.
            aesthetic_score: see `encode_prompt`.
            motion_score: likewise.
            camera_motion: likewise.
            clean_caption: likewise.
            generator: source of the noise, or one for each prompt.
            latents: the noise itself, (batch, channels, latent frames, rows, columns).
            prompt_embeds: instead of `prompt`, what `encode_prompt` gives.
            prompt_attention_mask: belongs to `prompt_embeds`.
            output_type: `pil`, `np`, `pt` or `latent`.
            return_dict: return an `OpenSoraOutput` instead of a tuple.
            callback_on_step_end: called as (pipeline, step, timestep, values) after every step;
                `latents` in what it returns replaces the latents.
            callback_on_step_end_tensor_inputs: names of the values; only `latents` exists.

        Raises:
            ConfigError: for sizes or frame counts that the model cannot sample.
            ValueError: for other arguments that cannot be meant.
        """
        self._check(prompt, prompt_embeds, prompt_attention_mask, output_type)
        check_frames(num_frames)
        check_side("height", height)
        check_side("width", width)
        device, dtype = self._execution_device, self.transformer.dtype
        if prompt_embeds is None or prompt_attention_mask is None:
            prompt_embeds, prompt_attention_mask = self.encode_prompt(
                prompt or "", device, aesthetic_score, motion_score, camera_motion, clean_caption
            )
        text, mask = prompt_embeds.to(device, dtype), prompt_attention_mask.to(device)
        batch = len(text)
        guided = guidance_scale > 1.0
        if guided:
            null = self.transformer.y_embedder.y_embedding[None, : text.shape[1]]
            text = torch.cat((text, null.to(text).expand_as(text)))

        shown = [float(torch.tensor(side, dtype=dtype)) for side in (height, width)]
        self.set_timesteps(num_inference_steps, num_frames, height, width)
        rate = fps if fps is not None else (IMAGE_FPS if num_frames == 1 else FPS)
        rates = torch.tensor([float(rate)], device=device)
        latents = self._noise(latents, batch, num_frames, height, width, generator)

        self._num_timesteps = len(self.scheduler.timesteps)
        with self.progress_bar(total=num_inference_steps) as bar:
            for step, timestep in enumerate(self.scheduler.timesteps):
                joined = torch.cat((latents, latents)) if guided else latents
                velocity = self.transformer(
                    joined,
                    timestep.expand(len(joined)),
                    text,
                    encoder_attention_mask=mask,
                    fps=rates,
                    height=shown[0],
                    width=shown[1],
                    return_dict=False,
                )[0][:, : latents.shape[1]]
                if guided:
                    conditional, unconditional = velocity.chunk(2)
                    velocity = unconditional + guidance_scale * (conditional - unconditional)
                latents = self.scheduler.step(velocity, step, latents)
                if callback_on_step_end is not None:
                    values = dict.fromkeys(callback_on_step_end_tensor_inputs, latents)
                    changed = callback_on_step_end(self, step, timestep, values)
                    latents = changed.pop("latents", latents)
                bar.update()

        frames = latents if output_type == "latent" else self.decode_latents(latents, num_frames)
        if output_type != "latent":
            frames = self.video_processor.postprocess_video(frames, output_type=output_type)
        self.maybe_free_model_hooks()
        return OpenSoraOutput(frames=frames) if return_dict else (frames,)

    def set_timesteps(self, steps: int, num_frames: int, height: int, width: int) -> None:
        """Prepare the scheduler for one video, on the pipeline's device.

        As upstream, sizes are held in the transformer's dtype (in bfloat16, 854 becomes 856), but
        not in float16, where an area overflows.
        """
        dtype = self.transformer.dtype
        self.scheduler.set_timesteps(
            steps,
            height,
            width,
            num_frames,
            torch.float32 if dtype == torch.float16 else dtype,
            self._execution_device,
        )

    @torch.no_grad()
    def decode_latents(self, latents: torch.Tensor, num_frames: int) -> torch.Tensor:
        """The video (batch, 3, frames, height, width) of final latents, about [-1, 1]."""
        video: torch.Tensor = self.vae.decode(latents.to(self.vae.dtype), num_frames)
        return video

    def _noise(
        self,
        latents: torch.Tensor | None,
        batch: int,
        num_frames: int,
        height: int,
        width: int,
        generator: torch.Generator | list[torch.Generator] | None,
    ) -> torch.Tensor:
        channels = self.transformer.config.in_channels
        device, dtype = self._execution_device, self.transformer.dtype
        if latents is None:
            shape = (batch, channels, *self.vae.latent_size(num_frames, height, width))
            return randn_tensor(shape, generator=generator, device=device, dtype=dtype)
        if latents.dim() != 5 or latents.shape[:2] != (batch, channels):
            raise ValueError(
                f"latents: expected the shape ({batch}, {channels}, frames, height, width), "
                f"got {tuple(latents.shape)}"
            )
        return latents.to(device, dtype)

    def _check(
        self,
        prompt: str | Sequence[str] | None,
        embeds: torch.Tensor | None,
        mask: torch.Tensor | None,
        output_type: str,
    ) -> None:
        if (prompt is None) == (embeds is None):
            raise ValueError("give either prompt or prompt_embeds")
        if (embeds is None) != (mask is None):
            raise ValueError("prompt_embeds and prompt_attention_mask belong together")
        if output_type not in OUTPUT_TYPES:
            raise ValueError(f"output_type={output_type!r}: expected one of {OUTPUT_TYPES}")
