"""What goes together with videos that several ranks share, and what does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.names import PARALLEL_METHODS
from pab_bench.problems import Problems
from pab_bench.systems.registry import SYSTEMS

TASKS_ALONE = ("sample", "speed", "claims", "advise")
"""They sample, or time, on a rank by itself."""


def check_sharing(values: Mapping[str, Any], guidance: float, problems: Problems) -> None:
    """Check `parallel.*` against the model and the other keys.

    Args:
        values: the configuration as plain values.
        guidance: the scale that videos are sampled with.
        problems: receives what is wrong, and notices.
    """
    own = values["parallel"]
    method = own["method"]
    if method == "none" and not own["guidance"]:
        return
    name = values["model"]["system"]
    ways = SYSTEMS.load(name).parallel if name in SYSTEMS else ()
    if method not in (*ways, "none") and method in PARALLEL_METHODS:
        known = [n for n in SYSTEMS if SYSTEMS.load(n).parallel]
        if ways:
            allowed = f"model.system={name} can be split by {', '.join(ways)}"
        else:
            allowed = (
                f"there is no layout that splits model.system={name}, and one by guesswork gives "
                f"wrong videos without an error; known are {', '.join(known)}"
            )
        problems.add("parallel.method", method, allowed)
    elif not ways:
        message = f"model.system={name} cannot be shared out among ranks"
        problems.add("parallel.guidance", True, message)
    if own["guidance"] and guidance <= 1:
        problems.add("parallel.guidance", True, f"there is no guidance: guidance={guidance:g}")
    if values["task"] in TASKS_ALONE:
        message = f"task={values['task']} does not share videos among ranks; task=run does"
        problems.add("parallel.method", method, message)
    if values["compile"]:
        message = "is not for videos that ranks share: compiled modules run no hooks of parts"
        problems.add("compile", True, message)
    if values["record"]["attention_maps"]:
        message = "a rank that shares a video sees a part of every output; parallel=none records"
        problems.add("record.attention_maps", True, message)
    for objective in values["objectives"]:
        if objective == "speedup":
            message = "single calls are not timed where ranks share a video; denoise_s is"
            problems.add("objectives", objective, message)
    if values["record"]["curves"]:
        problems.notices.append(
            "record.curves: none are recorded where ranks share a video, since each sees a part of "
            "every output; parallel=none records them"
        )
