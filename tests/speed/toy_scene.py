"""A sampler around the toy transformer, and clocks that are told what its sites take."""

from __future__ import annotations

import torch
from engine.toy import WIDTH, ToyArchitecture, ToyTransformer
from torch import nn

from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, MLP_TEMPORAL, SPATIAL, TEMPORAL, Group
from pab_bench.engine.plan import Plan
from pab_bench.speed.captured import Scene
from pab_bench.speed.clocks import Mark
from pab_bench.systems.base import TextEmbeddings

Site = tuple[Group, int]
TEXT = TextEmbeddings(torch.zeros(1, 1, 1), None)
TIMES = (900, 700, 500, 300, 100)


def modules_of(transformer: ToyTransformer) -> dict[Site, nn.Linear]:
    """What computes at every site."""
    found = {}
    for group, branch, name in (
        (SPATIAL, transformer.spatial, "attention"),
        (CROSS, transformer.spatial, "cross"),
        (MLP_SPATIAL, transformer.spatial, "mlp"),
        (TEMPORAL, transformer.temporal, "attention"),
        (MLP_TEMPORAL, transformer.temporal, "mlp"),
    ):
        found |= {(group, index): getattr(block, name) for index, block in enumerate(branch)}
    return found


class Toy(ToyTransformer):
    """The toy, with something of its own around its sites."""

    def __init__(self):
        super().__init__()
        self.rest = lambda: None

    def forward(self, x, timestep):
        output = super().forward(x, timestep)
        self.rest()
        return output


class ToySampler:
    """Calls the toy transformer as a sampler does, and changes what it is given."""

    def __init__(self, transformer: nn.Module) -> None:
        self.transformer = transformer
        self.architecture = ToyArchitecture(transformer)
        self.after_step = lambda: None

    def timesteps(self, steps):
        return TIMES[:steps]

    def encode(self, prompt):
        return TEXT

    def noise(self, seed):
        return torch.randn(2, WIDTH, generator=torch.Generator().manual_seed(seed))

    def denoise(self, text, noise, steps, guidance, on_step):
        x = noise
        with torch.no_grad():
            for step, timestep in enumerate(TIMES[:steps]):
                output = self.transformer(x, timestep=torch.tensor([timestep, timestep]))
                x = x - output.mul_(0.1)
                self.after_step()
                on_step(step)
        return x


class ToyScene(Scene):
    """A scene of the toy, which knows what was computed since it was last asked."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        transformer = Toy()
        sampler = ToySampler(transformer)
        super().__init__(sampler, TEXT, sampler.noise(0), 1.0)
        self.computed: list[Site] = []
        self.outputs: list[torch.Tensor] = []
        for site, module in modules_of(transformer).items():
            module.register_forward_hook(lambda *_, site=site: self.computed.append(site))
        transformer.register_forward_hook(lambda *given: self.outputs.append(given[2].clone()))

    def video(self, steps: int = len(TIMES)) -> torch.Tensor:
        return self.sampler.denoise(self.text, self.noise, steps, 1.0, lambda step: None)

    def take_computed(self) -> list[Site]:
        taken = list(self.computed)
        self.computed.clear()
        return taken


class Told:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def mark(self) -> float:
        return self.now

    def seconds(self, start: float, end: float) -> float:
        return end - start


class ToldClock:
    """A clock for calls that reads `Told`.

    Args:
        told: the time.
        name: as which it stands in a pass.
        disturbed: says of two times whether something disturbed between them.
    """

    def __init__(self, told, name="wall", disturbed=lambda start, end: False):
        self.clock = told
        self.name = name
        self._disturbed = disturbed

    def mark(self):
        return Mark(self.clock.now, self.clock.now, self.clock.now)

    def seconds(self, start, end):
        return end.value - start.value

    def disturbed(self, start, end):
        return self._disturbed(start.value, end.value)


TAKES = {"spatial": 3.0, "temporal": 2.0, "cross": 1.0, "mlp": 0.5}
"""Of one site. With two blocks a call that reuses nothing takes 14 and `REST`."""
REST, STEP, CALL = 1.0, 2.0, 15.0
"""Around the sites of a call, and around the calls of a step."""


def tell(scene: ToyScene, told: Told, unit=1.0, noise=lambda: 1.0) -> None:
    """Let time pass with every site, call and step of a scene, in units of `unit` seconds."""

    def passes(takes):
        told.now += takes * unit * noise()

    transformer = scene.sampler.transformer
    for (group, _), module in modules_of(transformer).items():
        module.register_forward_hook(lambda *_, takes=TAKES[group.kind]: passes(takes))
    transformer.rest = lambda: passes(REST)
    scene.sampler.after_step = lambda: passes(STEP)


def call_takes(plan: Plan, call: int) -> float:
    """Units of a call, site by site."""
    sites = ((group, table[call]) for group, table in plan.source.items())
    return REST + sum(TAKES[g.kind] * float((own == call).sum()) for g, own in sites)
