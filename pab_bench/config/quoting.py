"""How a text is written on the command line, where many characters mean something to Hydra.

Two readers take off quotes: first the shell, then Hydra's own grammar.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

LONGEST_SHOWN = 300
"""Characters of a text for which advice repeats the text itself."""
_BEFORE_QUOTE = re.compile(r'(\\*)("|\Z)')
_INTERPOLATION = re.compile(r"(\\*)\$\{")


def quoted(text: str) -> str:
    r"""Write a text as a quoted value of Hydra's grammar.

    >>> print(quoted('say "hi"'), quoted("a, b"), quoted("${x}"))
    "say \"hi\"" "a, b" "\${x}"
    """
    # `${` would refer to another setting; OmegaConf takes a backslash before it away again.
    literal = _INTERPOLATION.sub(lambda found: f"{found[1] * 2}\\${{", text)
    # Backslashes mean themselves, but before a quotation mark.
    return f'"{_BEFORE_QUOTE.sub(_escaped, literal)}"'


def argument(key: str, value: str | Sequence[str]) -> str:
    """The piece of a shell's command line that sets a key to a text, or to a list of texts.

    >>> print(argument("prompts.texts", ["a cat, sitting"]))
    'prompts.texts=["a cat, sitting"]'
    """
    if isinstance(value, str):
        return shlex.quote(f"{key}={quoted(value)}")
    return shlex.quote(f"{key}=[{','.join(map(quoted, value))}]")


def texts_meant(value: str) -> list[str]:
    """The texts of a list that Hydra could not read, or would part: `[it's raining, a dog]`.

    >>> texts_meant("[it's raining, 'a, b']")
    ["it's raining", 'a, b']
    """
    inner = value.strip().removeprefix("[").removesuffix("]")
    return [_unquoted(part) for part in _parts(inner) if part.strip()]


def _parts(inner: str) -> list[str]:
    """At commas, but within quotes that open where a text begins and close where it ends."""
    parts: list[str] = []
    rest = inner
    while rest:
        found = re.match(r"""\s*("[^"]*"|'[^']*')\s*(,|\Z)""", rest)
        if found is None:
            part, _, rest = rest.partition(",")
            parts.append(part)
        else:
            parts.append(found[1])
            rest = rest[found.end() :]
    return parts


def _unquoted(part: str) -> str:
    text = part.strip()
    closed = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if closed else text


def _escaped(found: re.Match[str]) -> str:
    return found[1] * 2 + ('\\"' if found[2] else "")
