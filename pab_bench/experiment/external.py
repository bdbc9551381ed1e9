"""Somebody else's acceleration on the loaded model of a session, while a point is sampled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pab_bench.audit.audit import audit
from pab_bench.audit.enabling import Enabled
from pab_bench.audit.scene import AuditScene, Input, scene_of
from pab_bench.audit.witness import Seen
from pab_bench.config.settings import Settings
from pab_bench.engine.plan import Plan
from pab_bench.experiment.session import WARM_UP_STEPS, Session
from pab_bench.methods.external import external_of


@dataclass(frozen=True)
class Attached:
    """An acceleration that is on.

    Attributes:
        scene: what is watched.
        enabled: how it was enabled, and, when the context has ended, what it has left.
        config: of diffusers, as it is enabled; None if there is none.
        inputs: the point's first video, and a different one.
    """

    scene: AuditScene
    enabled: Enabled
    config: object
    inputs: tuple[Input, Input]

    def audit(self, seen: Seen) -> dict[str, Any]:
        """Audit it, by what was seen of the first video; the context must have ended."""
        return audit(self.scene, self.enabled, self.config, seen, *self.inputs)


@contextmanager
def attached(settings: Settings, session: Session, plan: Plan) -> Iterator[Attached | None]:
    """Enable the acceleration of `method=external` for a point's videos; None with other methods.

    Args:
        settings: the point.
        session: its model, which is bare before and afterwards.
        plan: an open one.

    Raises:
        ConfigError: if it cannot be enabled.
    """
    method = external_of(settings.method)
    if method is None:
        yield None
        return
    for prompt in settings.prompts:  # Encoders run before anything stands around the pipeline.
        session.encode(prompt)
    inputs = _inputs(settings, session)
    steps = settings.steps, min(settings.steps, WARM_UP_STEPS)
    scene = scene_of(session.sampler, method, plan, steps, settings.guidance, lambda: inputs[0])
    with scene.enabled() as enabled:
        yield Attached(scene, enabled, scene.config(), inputs)


def _inputs(settings: Settings, session: Session) -> tuple[Input, Input]:
    """The point's first video, and one of another prompt, or else of another seed."""

    def made(prompt: int, seed: int) -> Input:
        text, _ = session.encode(settings.prompts[prompt])
        name = f"prompt {prompt}, seed {seed}"
        return Input(text, session.sampler.noise(seed), name)

    first = settings.seeds[0]
    several = len(settings.prompts) > 1
    return made(0, first), made(1, first) if several else made(0, max(settings.seeds) + 1)
