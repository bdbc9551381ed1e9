"""Open-Sora 1.2's rectified flow (hpcaitech/Open-Sora, `opensora/schedulers/rf`)."""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, SchedulerMixin
from diffusers.configuration_utils import register_to_config

from pab_bench.systems.timesteps.rectified_flow import bfloat16, float32, timestep_shift


class RectifiedFlowScheduler(SchedulerMixin, ConfigMixin):  # type: ignore[misc]
    """Straight paths from noise (timestep 1000) to the video (timestep 0), walked by Euler steps.

    The noisy latents at timestep t are `(1 - t / 1000) * clean + t / 1000 * noise`; the
    transformer predicts the velocity `clean - noise`. Large and long videos are sampled, and
    trained, at noisier timesteps: see `transform`.

    Args:
        num_train_timesteps: timestep of pure noise.
        use_timestep_transform: shift the timesteps by the size of the video.
        base_resolution: area in pixels at which a single image is not shifted.
        transform_scale: an additional factor of the shift.
    """

    order = 1

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        num_train_timesteps: int = 1000,
        use_timestep_transform: bool = True,
        base_resolution: int = 512 * 512,
        transform_scale: float = 1.0,
    ) -> None:
        self.timesteps = torch.empty(0)
        self.num_inference_steps: int | None = None

    def shift(
        self, height: float, width: float, frames: int, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """How much noisier timesteps become: 1 = not at all.

        Args:
            height: of the video, in pixels.
            width: of the video, in pixels.
            frames: of the video; 1 or at least 17. Upstream counts five latent frames for every
                full 17 and none for the rest.
            dtype: in which upstream's pipeline holds the three numbers; in bfloat16 a width of
                854 becomes 856.

        Raises:
            ValueError: for 2 to 16 frames, where the shift is zero.
        """
        if frames < 1 or 2 <= frames <= 16:
            raise ValueError(
                f"frames={frames}: the timestep transform needs 1 frame or at least 17; "
                "for 2 to 16 it sends every timestep to 0"
            )
        narrow = bfloat16 if dtype == torch.bfloat16 else float32
        base, scale = self.config["base_resolution"], self.config["transform_scale"]
        return torch.tensor(timestep_shift(height, width, frames, scale, narrow, base), dtype=dtype)

    def transform(self, timesteps: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
        """Map timesteps, in 0 to `num_train_timesteps`, to the noisier ones of a larger video."""
        share = timesteps / self.config["num_train_timesteps"]
        return shift * share / (1 + (shift - 1) * share) * self.config["num_train_timesteps"]

    def set_timesteps(
        self,
        num_inference_steps: int,
        height: float,
        width: float,
        frames: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        """Prepare the timesteps of one video: float32, from noise downwards, without the zero.

        Raises:
            ValueError: for fewer than one step, or as `shift` does.
        """
        if num_inference_steps < 1:
            raise ValueError(f"num_inference_steps={num_inference_steps}: must be at least 1")
        count = self.config["num_train_timesteps"]
        timesteps = torch.tensor(
            [(1.0 - i / num_inference_steps) * count for i in range(num_inference_steps)]
        )
        if self.config["use_timestep_transform"]:
            timesteps = self.transform(timesteps, self.shift(height, width, frames, dtype))
        self.timesteps = timesteps.to(device)
        self.num_inference_steps = num_inference_steps

    def step(self, velocity: torch.Tensor, step: int, sample: torch.Tensor) -> torch.Tensor:
        """Walk from `timesteps[step]` to the next timestep, or to 0.

        Args:
            velocity: clean minus noise.
            step: index of the denoising step.
            sample: the latents, of `velocity`'s shape.
        """
        interval = self.timesteps[step]
        if step + 1 < len(self.timesteps):
            interval = interval - self.timesteps[step + 1]
        return sample + velocity * (interval / self.config["num_train_timesteps"])

    def add_noise(
        self, clean: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
    ) -> torch.Tensor:
        """Noisy latents (batch, ...) at `timesteps` (batch,)."""
        share = (timesteps / self.config["num_train_timesteps"]).to(clean.dtype)
        share = share.view(-1, *[1] * (clean.dim() - 1))
        return (1 - share) * clean + share * noise
