"""A timm network's name -> its published weights as a local file, or a clear answer in seconds.

The only module that reaches for the network, and only where a configuration asks for it.
"""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants

from skinlab.tables.errors import InputError, Problem

FILE = "model.safetensors"
PATIENCE = 3.0  # seconds for an answer; the hub's client retries for 23-47 s before it gives up
FIX = "give model.weights a local file or none"


def fetch(repository: str) -> Path:
    """Return the file of weights of a repository on the model hub, from the cache if it is there.

    Args:
        repository: For example ``timm/resnet18.a1_in1k``.

    Raises:
        InputError: The hub cannot be reached, or has no such file.
    """
    cached = huggingface_hub.try_to_load_from_cache(repository, FILE)
    if isinstance(cached, str):
        return Path(cached)
    if constants.HF_HUB_OFFLINE:
        raise InputError(Problem("the model hub is switched off (HF_HUB_OFFLINE)", FIX))
    if not answers(constants.ENDPOINT, PATIENCE):
        raise InputError(Problem("the model hub cannot be reached", FIX))
    try:
        return Path(huggingface_hub.hf_hub_download(repository, FILE, etag_timeout=PATIENCE))
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:160]
        what = f"the model hub did not give {FILE} of {repository} ({reason})"
        raise InputError(Problem(what, FIX)) from error


def answers(address: str, seconds: float) -> bool:
    """Tell whether a server says anything at all within some seconds, whatever it says."""
    answered = threading.Event()

    def ask() -> None:
        try:
            request = urllib.request.Request(address, method="HEAD")
            with urllib.request.urlopen(request, timeout=seconds):
                answered.set()
        except urllib.error.HTTPError:
            answered.set()
        except (OSError, ValueError, http.client.HTTPException):
            pass
        finally:
            finished.set()

    finished = threading.Event()
    # A look-up of a name can hang for longer than any socket's timeout, so it is not waited for.
    threading.Thread(target=ask, daemon=True).start()
    finished.wait(seconds)
    return answered.is_set()
