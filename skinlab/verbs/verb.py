"""What all verbs share: a parser that explains configurations, and a bar for long work."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Verb(argparse.ArgumentParser):
    """A verb; one that reads a configuration explains every field of it in its --help."""

    def format_help(self) -> str:
        """Return the help with the fields of the configuration below it."""
        text = super().format_help()
        explained = self.get_default("explains")
        if not explained:
            return text
        from skinlab import config

        return f"{text}\nfields of CONFIG:\n\n{config.explain(getattr(config, explained))}"


def add(verbs: Any, name: str, action: Callable[..., int], about: str) -> argparse.ArgumentParser:
    """Add a verb and return its parser."""
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=about, description=about)
    verb.add_argument("--debug", action="store_true", help="show tracebacks")
    verb.set_defaults(action=action)
    return verb


@contextmanager
def bar(title: str, unit: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar where a person is watching, nothing otherwise."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc=title, unit=unit, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
