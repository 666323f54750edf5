"""A verb explains its configuration, and a bar is shown only where a person looks."""

from __future__ import annotations

import argparse
import sys
import time

import pytest

from skinlab.verbs.verb import Verb, add, bar


def _parser() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    parser = argparse.ArgumentParser("skinlab")
    verbs = parser.add_subparsers(parser_class=Verb)
    return parser, add(verbs, "fit", lambda _: 0, "train")


def test_every_verb_can_show_tracebacks_and_knows_its_action() -> None:
    parser, _ = _parser()
    words = parser.parse_args(["fit", "--debug"])
    assert words.debug
    assert words.action(words) == 0


def test_a_verb_with_a_configuration_explains_its_fields() -> None:
    _, verb = _parser()
    assert "fields of CONFIG" not in verb.format_help()
    verb.set_defaults(explains="SweepConfig")
    text = verb.format_help()
    assert "fields of CONFIG" in text
    assert "--sampler" in text


def test_without_a_terminal_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("checking", "photograph") as progress:
        assert progress is None
    assert capsys.readouterr().err == ""


def test_on_a_terminal_the_bar_counts_to_the_total(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with bar("checking", "photograph") as progress:
        assert progress is not None
        progress(3, 10)
        time.sleep(0.2)  # it is not drawn more often than ten times a second
        progress(10, 10)
    assert "10/10" in capsys.readouterr().err
