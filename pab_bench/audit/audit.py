"""The whole audit of an acceleration, as a record keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pab_bench.audit.asked import Asked, asked_of
from pab_bench.audit.enabling import Enabled
from pab_bench.audit.findings import Finding
from pab_bench.audit.looks import Case, look
from pab_bench.audit.scene import AuditScene, Input
from pab_bench.audit.trials import trials
from pab_bench.audit.witness import Seen
from pab_bench.engine.sites import transformers_of


def audit(
    scene: AuditScene, enabled: Enabled, config: object, seen: Seen, own: Input, other: Input
) -> dict[str, Any]:
    """Look at a point's first video, and sample it several times more if the method says so.

    Args:
        scene: the model; nothing may be enabled any more.
        enabled: how the acceleration was enabled for the point's videos, and what it has left.
        config: of diffusers, as it was enabled; None if there was none.
        seen: of the first video, sampled after enabling.
        own: that video.
        other: a different one.

    Returns:
        `findings`, each with name, evidence, meaning and remedy; `attached`, the number of modules
        and classes that enabling has changed; `calls`, what was computed at every call of each
        lane; `asked`, the kinds that were to reuse, if that is known; `trials`, whether the video
        was sampled again; and `can_disable`.
    """
    method = scene.method
    asked = asked_of(config, method.kinds)
    case = Case(
        seen,
        asked,
        config,
        enabled,
        scene.sites,
        transformers_of(scene.sampler.architecture),
        scene.lanes,
        scene.guidance > 1,
    )
    findings = look(case)
    if enabled.left and not method.audit:
        shown = ", ".join(enabled.left[:3])
        changed = f"{len(enabled.left)} modules or classes are still changed: {shown}"
        findings.append(Finding("left_behind", changed))
    if method.audit:
        findings += trials(scene, own, other)
    return {
        "findings": [finding.to_json() for finding in _once(findings)],
        "attached": len(enabled.attached),
        "calls": [seen.calls(lane) for lane in range(scene.lanes)],
        "asked": _told(asked),
        "trials": method.audit,
        "can_disable": enabled.can_disable,
    }


def _once(findings: Sequence[Finding]) -> list[Finding]:
    return list(dict.fromkeys(findings))


def _told(asked: Asked) -> list[str] | None:
    return None if asked.kinds is None else sorted(asked.kinds)
