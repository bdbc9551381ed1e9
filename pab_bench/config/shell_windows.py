"""Lets a share of the steps be written on the command line as it is meant."""

from __future__ import annotations

import re

_KEY = re.compile(r"\+{0,2}(\w+\.)*(\w+_)?threshold(\.\w+)?")
_SHARE = re.compile(r"""(?<![\w'"])steps:\s*\[[^\][]*\](?!['"])""")


def quoted_shares(argument: str) -> str:
    """Quote the shares of steps in an argument that sets a window; others stay as they are.

    Hydra's grammar has no place for `steps:[.1,.6]` without quotation marks, which a shell would
    want twice.

    Example:
        >>> quoted_shares("threshold=steps:[.1,.6],[100,800]")
        "threshold='steps:[.1,.6]',[100,800]"
    """
    key, equals, value = argument.partition("=")
    if not equals or not _KEY.fullmatch(key):
        return argument
    return f"{key}={_SHARE.sub(lambda found: repr(found[0]), value)}"
