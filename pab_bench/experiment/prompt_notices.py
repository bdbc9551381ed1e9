"""What a model makes of the prompts, told before anything is sampled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pab_bench.config.settings import Settings
from pab_bench.systems.prompt_tokens import PromptTokens
from pab_bench.systems.registry import SYSTEMS, is_at_hand, read_prompts

_MOST, _SHOWN = 4, 40
"""Prompts that a notice names, and characters of each."""


def prompt_notices(points: Iterable[Settings]) -> list[str]:
    """Say which prompts of a command's points a tokenizer does not know, or cuts, or takes as one.

    Tokenizers that would have to be downloaded first are left to the run.

    Raises:
        ConfigError: if a tokenizer is not what it says.
    """
    wanted = {(s.model, s.prompts): s.model.name for s in points}
    found: dict[str, None] = {}
    for (model, prompts), name in wanted.items():
        tokens = read_prompts(model, prompts)
        if tokens is not None:
            found |= dict.fromkeys(notices(name, prompts, tokens))
    return list(found)


def late_notices(settings: Settings, tokens: Sequence[PromptTokens | None]) -> list[str]:
    """The same once the model is loaded; nothing where it could be told before.

    Args:
        settings: a point.
        tokens: of its prompts; None from a sampler that does not tell.
    """
    known = [own for own in tokens if own is not None]
    name = settings.model.system
    # A pipeline that is taken as it comes tells nothing before it is loaded.
    named = name in SYSTEMS and SYSTEMS.load(name).defaults is None
    before = named and is_at_hand(settings.model)
    if before or len(known) < len(tokens):
        return []
    return list(notices(settings.model.name, settings.prompts, known))


def notices(name: str, prompts: Sequence[str], tokens: Sequence[PromptTokens]) -> Iterator[str]:
    """The same of one model, whose tokenizer has been asked.

    Args:
        name: the model's.
        prompts: N prompts.
        tokens: what has become of each of them.
    """
    unknown = [(prompt, own) for prompt, own in zip(prompts, tokens, strict=True) if own.unknown]
    if unknown:
        words = dict.fromkeys(word for _, own in unknown for word in own.unknown)
        few = ", ".join(repr(_short(word)) for word in list(words)[:_MOST])
        yield (
            f"{len(unknown)} of {len(prompts)} prompts have words that {name} does not know: "
            f"{few}{_more(len(words))}"
        )
    same = _same(prompts, tokens)
    if same:
        groups = "; ".join(
            " = ".join(repr(_short(prompt)) for prompt in group[:_MOST]) + _more(len(group))
            for group in same[:_MOST]
        )
        distinct = len({own.digest for own in tokens})
        yield (
            f"{len(prompts)} prompts are {distinct} to {name}, which reads the same tokens in "
            f"{groups}{_more(len(same))}; prompts with one video count once in intervals"
        )
    cut = [(prompt, own) for prompt, own in zip(prompts, tokens, strict=True) if own.dropped]
    if cut:
        shown = "; ".join(
            f"{_short(prompt)!r} has {own.count}, without {_short(own.dropped)!r}"
            for prompt, own in cut[:_MOST]
        )
        yield (
            f"{len(cut)} of {len(prompts)} prompts are longer than the {cut[0][1].kept} tokens "
            f"that {name} reads: {shown}{_more(len(cut))}"
        )


def _same(prompts: Sequence[str], tokens: Sequence[PromptTokens]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for prompt, own in zip(prompts, tokens, strict=True):
        groups.setdefault(own.digest, []).append(prompt)
    return [group for group in groups.values() if len(group) > 1]


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _more(count: int) -> str:
    return f" and {count - _MOST} more" if count > _MOST else ""
