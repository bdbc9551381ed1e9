"""The methods that `task=advise` searches beside PAB, each at settings from mild to strong."""

from __future__ import annotations

from collections.abc import Sequence

from pab_bench.config.method_choice import checked_method
from pab_bench.methods.base import About, Method
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.registry import METHODS
from pab_bench.problems import Problem, Problems


def alternatives_of(
    names: Sequence[str], about: About, problems: Problems
) -> tuple[tuple[Method, ...], ...]:
    """Make the settings of every method but PAB, which hold for what is to be sampled.

    Args:
        names: the key `advise.methods`.
        about: what is to be sampled.
        problems: receives what is wrong: a name that is unknown, a method that no key makes
            stronger, or one none of whose settings holds here.
    """
    found = []
    for name in names:
        if name not in METHODS:
            problems.choice("advise.methods", name, METHODS)
            continue
        kind = METHODS.load(name)
        if kind is PyramidAttentionBroadcast:
            continue
        if kind.search is None:
            able = ["pab", *(n for n in METHODS if METHODS.load(n).search is not None)]
            reason = f"no single key makes it stronger; can be searched: {', '.join(able)}"
            problems.found.append(Problem(f"advise.methods={name}", reason))
            continue
        own: list[Method] = []
        refused: list[list[Problem]] = []
        for method in kind.search.settings(kind, about.steps):
            of_it = Problems()
            checked = checked_method(method, about, of_it)
            if of_it.found:
                refused.append(of_it.found)
            else:
                own.append(checked)
        if not own:
            reasons = "; ".join(str(problem) for problem in refused[0])
            problems.found.append(Problem(f"advise.methods={name}", reasons))
        found.append(tuple(own))
    return tuple(found)
