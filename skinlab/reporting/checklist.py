"""Run and standard -> every item with what the run knows, where it stands, and what is MISSING.

A standard is a YAML file in ``standards/``: items in our own words, each naming probes (functions
of `probe_data`, `probe_model`, `probe_results`) and statements (what only the authors know). An
item is ``reported`` when everything it names was found, ``partly`` when some was, ``stated`` when
only the authors' words stand there, else ``MISSING``. Nothing is answered by "yes".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import resources
from types import ModuleType
from typing import Any, Literal

import yaml

from skinlab.reporting import probe_data, probe_model, probe_results
from skinlab.reporting.answer import Answer, Found, Missing
from skinlab.reporting.evidence import STATEMENTS, Evidence

Standard = Literal["claim", "tripod-ai", "stard-ai", "clear-derm"]
STANDARDS: tuple[Standard, ...] = ("claim", "tripod-ai", "stard-ai", "clear-derm")
State = Literal["reported", "partly", "stated", "MISSING"]
PROBES: dict[str, ModuleType] = {
    "data": probe_data,
    "model": probe_model,
    "results": probe_results,
}
Probe = Callable[[Evidence], Answer]


@dataclass(frozen=True)
class Item:
    """One question of a standard.

    Attributes:
        id: Our own id of it.
        topic: A word or two.
        question: What is to be reported, in our words.
        number: Number in the published checklist, where we are sure; else empty.
        probes: ``data.split``, … : functions that look for the answer.
        statements: Names in ``statements.yaml`` that answer it.
    """

    id: str
    topic: str
    question: str
    number: str = ""
    probes: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """A standard as it stands in its file.

    Attributes:
        title: Its name.
        source: The publication.
        items: Its questions.
    """

    title: str
    source: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Filled:
    """An item with its answers.

    Attributes:
        item: The question.
        state: How far it is answered.
        found: What the run knows.
        stated: What the authors state.
        missing: What is to be done.
    """

    item: Item
    state: State
    found: tuple[Found, ...]
    stated: tuple[Found, ...]
    missing: tuple[Missing, ...]


@dataclass(frozen=True)
class Checklist:
    """A filled standard.

    Attributes:
        standard: The standard.
        run: Name of the run.
        items: In the order of the standard.
    """

    standard: Standing
    run: str
    items: tuple[Filled, ...]

    @property
    def summary(self) -> str:
        """How many items are in which state."""
        counts = Counter(filled.state for filled in self.items)
        states: tuple[State, ...] = ("reported", "partly", "stated", "MISSING")
        said = ", ".join(f"{counts[state]} {state}" for state in states)
        return f"{len(self.items)} items: {said}"

    def json(self) -> dict[str, Any]:
        """Return the checklist as JSON values."""
        return asdict(self)


def read_standard(name: Standard) -> Standing:
    """Return a standard that the package carries."""
    folder = resources.files("skinlab.reporting") / "standards"
    text = (folder / f"{name.replace('-', '_')}.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    items = tuple(
        Item(
            id=str(item["id"]),
            topic=str(item["topic"]),
            question=str(item["question"]),
            number=str(item.get("number", "")),
            probes=tuple(item.get("probes", ())),
            statements=tuple(item.get("statements", ())),
        )
        for item in content["items"]
    )
    return Standing(str(content["title"]), str(content["source"]), items)


def probe(name: str) -> Probe:
    """Return a probe by its name, such as ``data.split``.

    Raises:
        KeyError: There is none of that name.
    """
    module, _, function = name.partition(".")
    found: Probe | None = getattr(PROBES[module], function, None)
    if found is None or function.startswith("_"):
        raise KeyError(name)
    return found


def fill(run: Evidence, name: Standard) -> Checklist:
    """Return a standard filled from what a run knows."""
    standard = read_standard(name)
    filled = tuple(_filled(run, item) for item in standard.items)
    return Checklist(standard, run.run.folder.name if run.run else "", filled)


def _filled(run: Evidence, item: Item) -> Filled:
    answers = [probe(name)(run) for name in item.probes]
    answers += list(_stated(run, item))
    known = [a for a in answers if isinstance(a, Found)]
    found = tuple(a for a in known if not a.place.startswith(STATEMENTS))
    stated = tuple(a for a in known if a.place.startswith(STATEMENTS))
    missing = tuple(dict.fromkeys(a for a in answers if isinstance(a, Missing)))
    state: State = "MISSING"
    if known:
        state = "partly" if missing else "reported" if found else "stated"
    return Filled(item, state, found, stated, missing)


def _stated(run: Evidence, item: Item) -> Iterator[Answer]:
    for name in item.statements:
        if text := run.statements.get(name):
            yield Found(f"Stated by the authors: {text}", f"{STATEMENTS}, {name}")
        else:
            yield Missing(f"write `{name}: ...` into {STATEMENTS} in the run folder")


def markdown(checklist: Checklist) -> str:
    """Return the checklist as Markdown, an item a row."""
    standard = checklist.standard
    lines = [
        f"# {standard.title}: {checklist.run}",
        "",
        f"{checklist.summary}.",
        "",
        f"Source: {standard.source}. Questions are in skinlab's own words; compare numbering and",
        "wording with the published checklist. Answers are what the software can see in the run;",
        "whether they suffice is for the authors to judge.",
        "",
        "| item | published no. | topic | question | state | answer and place |",
        "|---|---|---|---|---|---|",
    ]
    for filled in checklist.items:
        item = filled.item
        parts = [f"{_cell(a.text)} *({_cell(a.place)})*" for a in (*filled.found, *filled.stated)]
        parts += [f"**MISSING**: {_cell(a.todo)}" for a in filled.missing]
        cells = (item.id, item.number or "–", item.topic, item.question, filled.state)
        lines.append("| " + " | ".join([*map(_cell, cells), "<br>".join(parts)]) + " |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
