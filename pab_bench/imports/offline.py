"""Whether downloads are forbidden or impossible, and how long one may be silent."""

from __future__ import annotations

import os
import ssl
import urllib.error
import urllib.request

SETTINGS = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
"""Variables of Hugging Face's libraries; each of them says that there is no network."""
_TRUE = {"1", "ON", "YES", "TRUE", "Y", "T"}
SILENCE_S = 10
"""Seconds after which a download that receives nothing is given up."""


def offline_setting() -> str | None:
    """The variable that forbids downloads, such as `HF_HUB_OFFLINE=1`; None if none does."""
    for name in SETTINGS:
        value = os.environ.get(name, "")
        if value.strip().upper() in _TRUE:
            return f"{name}={value.strip()}"
    return None


def why_unreachable(address: str) -> str | None:
    """Say why nobody answers at a web address; None if someone does, whatever the answer is.

    Libraries that download try again and again for half a minute where there is no network.
    """
    try:
        with urllib.request.urlopen(address, timeout=SILENCE_S):
            return None
    except urllib.error.HTTPError:
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        # The library has certificates of its own.
        return (
            None if isinstance(reason, ssl.SSLError) else f"{address} cannot be reached: {reason}"
        )
