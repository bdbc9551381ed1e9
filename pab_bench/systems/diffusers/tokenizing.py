"""What a pipeline's own call hands to its tokenizer, without running a text encoder."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from torch import nn
from transformers import PreTrainedTokenizerBase

from pab_bench.systems.diffusers.cut import Stopped
from pab_bench.systems.pictures import PicturedPrompt
from pab_bench.systems.prompt_tokens import PromptTokens, prompt_tokens


@dataclass(frozen=True)
class TokenizerCall:
    """A call of a tokenizer that cuts what is too long.

    Attributes:
        tokenizer: which.
        text: what it was given.
        longest: how many tokens are kept.
        options: `add_special_tokens`, where the call says it.
    """

    tokenizer: Any
    text: str
    longest: int
    options: Mapping[str, bool]

    def tokens(self, prompt: str) -> PromptTokens:
        """What becomes of a prompt; with its picture, it is another one."""
        own = prompt_tokens(self.tokenizer, self.text, self.longest, **self.options)
        if isinstance(prompt, PicturedPrompt):
            both = hashlib.sha256(f"{own.digest} {prompt.digest}".encode()).hexdigest()
            own = replace(own, digest=both[: len(own.digest)])
        return own


class TokenizerWatch:
    """A context that ends a pipeline's call at its first network, with the tokenizers' calls noted.

    Classes are wrapped, not instances: calling an instance looks nowhere else.

    Args:
        pipeline: a diffusers pipeline.

    Attributes:
        first: the first call that cuts what is too long: of the prompt, which pipelines tokenize
            before the negative one, by the tokenizer whose text the transformer is given. None if
            there was none.
    """

    def __init__(self, pipeline: Any) -> None:
        parts = pipeline.components
        self._networks = [
            part
            for name, part in parts.items()
            if name.startswith(("text_encoder", "transformer")) and isinstance(part, nn.Module)
        ]
        found = [own for part in parts.values() for own in (part, getattr(part, "tokenizer", None))]
        kinds = {type(own) for own in found if isinstance(own, PreTrainedTokenizerBase)}
        self._kinds: list[Any] = sorted(kinds, key=lambda kind: kind.__name__)
        self.first: TokenizerCall | None = None

    def __enter__(self) -> Self:
        """Attach."""
        self._hooks = [own.register_forward_pre_hook(_stop) for own in self._networks]
        self._own = {kind: kind.__dict__.get("__call__") for kind in self._kinds}
        for kind in self._kinds:
            kind.__call__ = self._noted(kind.__call__)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give networks and classes back as they were."""
        for hook in self._hooks:
            hook.remove()
        for own, before in self._own.items():
            if before is None:
                del own.__call__
            else:
                own.__call__ = before

    def _noted(self, call: Any) -> Any:
        @functools.wraps(call)
        def noted(tokenizer: Any, *args: Any, **kwargs: Any) -> Any:
            text = args[0] if args else kwargs.get("text")
            text = text[0] if isinstance(text, list) and len(text) == 1 else text
            longest = kwargs.get("max_length")
            if self.first is None and kwargs.get("truncation") and isinstance(text, str):
                special = kwargs.get("add_special_tokens")
                options = {} if special is None else {"add_special_tokens": bool(special)}
                own = longest or tokenizer.model_max_length
                self.first = TokenizerCall(tokenizer, text, own, options)
            return call(tokenizer, *args, **kwargs)

        return noted


def tokenizer_call(pipeline: Any, given: Mapping[str, Any]) -> TokenizerCall | None:
    """Call a pipeline up to its first network, and tell what its tokenizer was given.

    Args:
        pipeline: a diffusers pipeline.
        given: what it is called with.

    Returns:
        None if no tokenizer cuts what is too long.
    """
    with TokenizerWatch(pipeline) as watch:
        try:
            pipeline(**given)
        except Stopped:
            pass
        finally:
            pipeline.maybe_free_model_hooks()
    return watch.first


def _stop(module: nn.Module, args: Any) -> None:
    raise Stopped
