"""A plan that is made at the transformer's first call, and rides along until the context ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from torch import nn
from torch.utils.hooks import RemovableHandle

from pab_bench.door.rules import checked_plan
from pab_bench.door.target import Target, Timetable
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.engine.engine import Engine, PlanMismatch
from pab_bench.engine.ledger import Ledger
from pab_bench.engine.observation import Observer
from pab_bench.engine.plan import Plan
from pab_bench.engine.sites import Architecture, Block, BlockForward, Visit, depths_of
from pab_bench.errors import ConfigError, PabBenchError
from pab_bench.methods.base import Facts, Method

_attached: WeakSet[nn.Module] = WeakSet()


class AlreadyAttached(PabBenchError):
    """A transformer follows one plan at a time."""


class NothingSampled(PabBenchError):
    """There is nothing to tell yet: the transformer was not called."""


class Attachment:
    """A context in which every video of a transformer follows a method; made by `attach`.

    The plan is made when the transformer is first called, since the scheduler's timesteps are known
    then, and again for every video that has others. A video begins when the last one is complete,
    or where the list of timesteps begins anew: what is left of one that was broken off is
    forgotten. When a video's last call is done, what happened is compared with the plan.

    On exit, also after an exception, the transformer is as it was; the attributes stay readable.

    Args:
        target: the transformer, and who knows its timesteps.
        method: makes the plans.
        observers: are shown every computed output.
        lanes: transformer calls per denoising step.
        cache: in which dtype and where outputs are kept.
        video_ended: called when a video's last call is done.

    Attributes:
        videos: how many videos are complete.

    Raises:
        ConfigError: for fewer than one lane.
    """

    def __init__(
        self,
        target: Target,
        method: Method,
        observers: Sequence[Observer] = (),
        lanes: int = 1,
        cache: CacheOptions | None = None,
        video_ended: Callable[[], None] = lambda: None,
    ) -> None:
        if lanes < 1:
            raise ConfigError(f"lanes={lanes}: must be a whole number of at least 1")
        self._target = target
        self._method = method
        self._observers = observers
        self._lanes = lanes
        self._cache = cache
        self._video_ended = video_ended
        self._guest = _Guest(target.architecture)
        self._hooks: list[RemovableHandle] = []
        self._forget()

    def _forget(self) -> None:
        self.videos = 0
        self._engine: Engine | None = None
        self._table = Timetable((), 0)
        self._source: object = None
        self._begun = self._ended = 0
        self._peak = 0

    @property
    def plan(self) -> Plan:
        """The decisions of the current or last video.

        Raises:
            NothingSampled: before the first call of the transformer.
        """
        return self._known().plan

    @property
    def ledger(self) -> Ledger:
        """What happened in the current or last video.

        Raises:
            NothingSampled: before the first call of the transformer.
        """
        return self._known().ledger

    @property
    def timesteps(self) -> tuple[int, ...]:
        """The timestep at every call of the transformer, in the current or last video.

        Raises:
            NothingSampled: before the first call of the transformer.
        """
        return self.plan.timesteps

    @property
    def peak_cache_bytes(self) -> int:
        """The most bytes that were held at once, in all videos so far.

        Raises:
            NothingSampled: before the first call of the transformer.
        """
        return max(self._peak, self._known().peak_cache_bytes)

    def _known(self) -> Engine:
        if self._engine is None:
            raise NothingSampled(
                "no plan yet: it is made when the transformer is first called; sample a video "
                "inside the context first"
            )
        return self._engine

    def start_video(self) -> None:
        """Forget a video that was broken off; the next call begins another.

        Only needed where that cannot be seen: without a scheduler, if the first two timesteps are
        equal.
        """
        self._begun = self._ended = self._total

    @property
    def _total(self) -> int:
        return len(self._table.timesteps) * self._lanes

    def __enter__(self) -> Self:
        """Attach.

        Raises:
            AlreadyAttached: if the transformer is attached to already.
        """
        transformer = self._target.transformer
        if transformer in _attached:
            raise AlreadyAttached(
                f"{type(transformer).__name__}: something is attached already; leave that context "
                "first"
            )
        _attached.add(transformer)
        self._forget()
        self._hooks = [
            transformer.register_forward_pre_hook(self._begin_call, with_kwargs=True),
            transformer.register_forward_hook(self._end_call),
        ]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the transformer and drop what was kept."""
        for hook in self._hooks:
            hook.remove()
        if self._engine is not None:
            self._engine.__exit__(kind, error, trace)
        _attached.discard(self._target.transformer)

    def _begin_call(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        timestep = self._target.architecture.timestep(args, kwargs)
        assert timestep is not None  # The list of timesteps was read by it, too.
        source = self._target.clock.source()
        complete = self._begun == self._total
        expected = None if complete else self._table.timesteps[self._begun // self._lanes]
        if timestep != expected or source is not self._source:
            self._look_again(timestep, expected)
            self._source = source
        self._begun += 1
        self._guest.transformer(timestep)

    def _look_again(self, timestep: int, expected: int | None) -> None:
        """Begin a video, unless this one goes on with a list that only was copied.

        Raises:
            PlanMismatch: if the call neither begins a video nor continues this one.
        """
        table = self._target.clock.read(self._target.architecture)
        if timestep == table.timesteps[0]:
            self._begin_video(table)
        elif timestep != expected or table != self._table:
            wanted = "" if expected is None else f", not {expected} as the plan expects"
            raise PlanMismatch(
                f"the transformer is called with timestep {timestep}{wanted}; a video begins with "
                f"{table.timesteps[0]} and takes all {len(table.timesteps)} timesteps in order, "
                f"{self._lanes} calls each. If a denoising step calls the transformer twice, pass "
                "lanes=2"
            )

    def _begin_video(self, table: Timetable) -> None:
        if self._engine is None or table != self._table:
            self._attach_engine(table)
        elif self._begun:
            self._engine.start_video()
        self._begun = self._ended = 0

    def _attach_engine(self, table: Timetable) -> None:
        architecture = self._target.architecture
        depths = depths_of(architecture)
        facts = Facts(table.timesteps, table.steps, architecture.depth, architecture.groups, depths)
        engine = Engine(
            self._guest,
            checked_plan(self._method, facts),
            self._method.broadcast_object,
            self._observers,
            self._lanes,
            self._cache,
        )
        if self._engine is not None:
            self._peak = self.peak_cache_bytes
            self._engine.__exit__(None, None, None)
        self._engine, self._table = engine.__enter__(), table

    def _end_call(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self._ended += 1
        if self._ended == self._total:
            self.ledger.check(self.plan)
            self.videos += 1
            self._video_ended()


class _Doorbell(nn.Module):
    """Stands in for the transformer; called with a timestep, it does nothing but run its hooks."""

    def forward(self, timestep: int) -> None:
        """Nothing."""


class _Guest:
    """The architecture as the engine is shown it.

    The engine looks at every call in a hook of the transformer. The call at which it is attached
    has begun already and runs no new hooks, so the engine's hook sits on a stand-in, which is
    called first thing in every call of the transformer.

    Args:
        host: the architecture.
    """

    def __init__(self, host: Architecture) -> None:
        self.transformer: nn.Module = _Doorbell()
        self.groups = host.groups
        self.depths = depths_of(host)
        self._host = host

    @property
    def depth(self) -> int:
        return self._host.depth

    def blocks(self) -> Sequence[Block]:
        return self._host.blocks()

    def timestep(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
        value: int = args[0]
        return value

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        return self._host.block_forward(block, visit)
