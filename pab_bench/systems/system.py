"""What a system consists of: addresses of its parts, none of which is imported by that."""

from __future__ import annotations

from dataclasses import dataclass

from pab_bench.engine.kinds import BROADCAST_OBJECTS, BroadcastObject


@dataclass(frozen=True)
class System:
    """A family of video models; addresses are `module:Class`.

    Attributes:
        transformers: names of the classes that its transformer may have; empty for any.
        architecture: how the engine sees that transformer; called with it. None where that takes a
            whole pipeline.
        sampler: what drives its pipeline; called with model, device and dtype.
        schedule: formula of its timesteps, if there is one; see `timesteps.known`.
        blueprint: what its networks look like without weights; called with model and dtype. None =
            its cost is not known.
        stored_as: what stored points call the sampler: where it lay when the first of them were
            made. None for systems that came later, which are called by their name.
        defaults: what reads from a checkpoint those numbers that a model's configuration leaves
            null (`FROM_CHECKPOINT`); called with the model. None = none may be null.
        check_call: what finds, of `model.call`, arguments that its pipeline does not take; called
            with the model and the number of steps. None = it takes none.
        image_use: what says whether its pipeline begins a video with a picture: called with the
            model, it returns `never`, `may` or `must`, and the pipeline's name. None = never.
        broadcast_objects: which tensors can be kept; the first is taken where nothing is said.
        token_grid: whether it is known where in the picture a token lies: attention maps need it.
        carries: what methods can act on (`methods.base.Need`): `sites` wherever there are any;
            `stack` where the blocks are known in order; `call`; `rows` where both halves of the
            guidance batch are in one call; `modulation` where it is known what the first
            self-attention is given; `sigmas` where the latents may be those of flow matching, with
            axes for frames, height and width.
        one_list: whether its blocks in order, or pairs of them, are as many as its `depth` says;
            where they lie in several lists, or that is not known, only a loaded model tells.
        parallel: names of the ways (`names.PARALLEL_METHODS`) in which its calls can be split over
            ranks; none where there is no layout of it.
        pixel_multiple: what height and width must be multiples of, as far as it is known here.
    """

    transformers: tuple[str, ...]
    architecture: str | None
    sampler: str
    schedule: str | None = None
    blueprint: str | None = None
    stored_as: str | None = None
    defaults: str | None = None
    check_call: str | None = None
    image_use: str | None = None
    broadcast_objects: tuple[BroadcastObject, ...] = BROADCAST_OBJECTS
    token_grid: bool = True
    carries: frozenset[str] = frozenset({"sites", "stack", "call"})
    one_list: bool = True
    pixel_multiple: int = 16
    parallel: tuple[str, ...] = ()
