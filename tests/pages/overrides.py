"""Whether a command line of `python -m pab_bench` is one that can be meant, in a few milliseconds.

Hydra takes a tenth of a second and more to compose one; here its grammar reads the words, and our
own `compose` makes the settings of as many points as show the ends of every list of values. The
slow tests leave nothing out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString

from pab_bench.config.compose import compose
from pab_bench.config.overrides import EXTRAS
from pab_bench.config.paths import CONF, SWEEPS
from pab_bench.config.shell_links import quoted_link
from pab_bench.config.shell_windows import quoted_shares

_PARSER = OverridesParser.create()
_HYDRAS_OWN = ("hydra.launcher.", "hydra.sweeper.")
_COMPOSED: set[str] = set()
HEADS = {
    line.split("pab_bench ", 1)[1]
    for folder in (CONF, SWEEPS)
    for path in folder.rglob("*.yaml")
    for line in path.read_text().splitlines()[:3]
    if line.startswith("# python -m pab_bench ")
}
"""Arguments at the heads of configuration files, which `tests/config` composes."""


def check_overrides(arguments: Sequence[str]) -> None:
    """Check arguments.

    Raises:
        Exception: if one is no option, no key, no option of its group, or no value of its key.
    """
    if " ".join(arguments) in HEADS:
        return
    options = [word for word in arguments if word.startswith("-")]
    assert set(options) <= {"-m"}, options
    words = [quoted_link(quoted_shares(word)) for word in arguments if word not in options]
    overrides = _PARSER.parse_overrides(words)
    values = {override.key_or_group: _values(override) for override in overrides}
    for key in [key for key in values if key.startswith("hydra")]:
        (value,) = values.pop(key)
        assert key.startswith(_HYDRAS_OWN) or f"{key}/{value}" in EXTRAS, f"{key}={value}"
    for sweep in values.pop("sweeps", []):
        assert (SWEEPS / f"{sweep}.yaml").is_file(), sweep
    for point in range(max(map(len, values.values()), default=0)):
        chosen = {key: found[point % len(found)] for key, found in values.items()}
        line = repr(sorted(chosen.items()))
        if line not in _COMPOSED:
            compose(**chosen)
            _COMPOSED.add(line)


def _values(override: Override) -> list[Any]:
    """The values of an override, one or those of a grid."""
    if not override.is_sweep_override():
        return [_plain(override.value())]
    found = [_plain(value) for value in islice(override.sweep_iterator(), 100)]
    return [found[0], found[-1]] if len(found) > 1 else found


def _plain(value: Any) -> Any:
    return value.text if isinstance(value, QuotedString) else value
