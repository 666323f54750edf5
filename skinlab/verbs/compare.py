"""``skinlab compare``: two models on the same cases -> differences with intervals and tests."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import digest
from skinlab.verbs.verb import add
from skinlab.workspace import Run

if TYPE_CHECKING:
    from skinlab.tables.predictions import Predictions

ABOUT = """\
Compare two models on the same images; differences are A minus B, and B is the reference.

  skinlab compare RUN_A RUN_B                          two run folders (a group of seeds is one run)
  skinlab compare a.csv b.csv --labels TREE.yaml       two tables of predictions
  skinlab compare --a X Y Z --b U V W --margin 0.05    several seeds an arm

Looking at the test predictions of a run is an opening of its test set, and is recorded in the run.
A folder stands for its predictions/SPLIT.csv, or for all runs in it when it has none of its own.
"""


def add_verbs(verbs: Any) -> None:
    """Add ``compare``."""
    verb = add(verbs, "compare", _compare, "two models on the same images, with tests")
    verb.description, verb.formatter_class = ABOUT, argparse.RawDescriptionHelpFormatter
    verb.add_argument("pair", nargs="*", type=Path, metavar="A B", help="run folders or tables")
    for arm in ("a", "b"):
        verb.add_argument(
            f"--{arm}",
            nargs="+",
            type=Path,
            metavar="PATH",
            help=f"runs or tables of {arm.upper()}",
        )
    verb.add_argument("--names", nargs=2, metavar=("A", "B"), help="what the arms are called")
    verb.add_argument("--split", default="test", help="which predictions of a run (default: test)")
    verb.add_argument("--labels", default="", help="label tree, to fold into coarser classes")
    verb.add_argument(
        "--margin", type=float, help="decide equivalence, such as 0.05; set it before"
    )
    verb.add_argument(
        "--family",
        choices=("headline", "sensitivity", "all"),
        default="headline",
        help="which p-values Holm adjusts together (default: headline)",
    )
    verb.add_argument("--level", type=float, default=0.95, help="confidence level")
    verb.add_argument("--resamples", type=int, default=2000)
    verb.add_argument("--seed", type=int, default=0, help="of the resampling")
    verb.add_argument("--out", type=Path, help="folder of the result (default: beside A)")


def _compare(words: argparse.Namespace) -> int:
    from skinlab.figures.comparison_page import write_comparison
    from skinlab.figures.comparison_text import as_text
    from skinlab.stats.paired.cases import Arm
    from skinlab.stats.paired.comparison import compare
    from skinlab.stats.paired.differences import ComparisonSpec
    from skinlab.tables.labels import LabelTree
    from skinlab.tables.predictions import Predictions
    from skinlab.workspace import shipped

    sides = _sides(words)
    try:
        spec = ComparisonSpec(words.level, words.resamples, words.seed, words.margin)
    except ValueError as error:
        raise InputError(Problem(str(error))) from error
    tree = LabelTree.read(shipped(words.labels)) if words.labels else None
    names = words.names or _names(*sides)
    tables = [[t for path in side for t in _tables(path, words.split)] for side in sides]
    read = [[Predictions.read(table) for table in side] for side in tables]
    _opened([p for side in read for p in side], f"{words.family} {spec} {words.labels}")
    a, b = (Arm.of(name, side) for name, side in zip(names, read, strict=True))
    found = compare(a, b, tree, family=words.family, split=words.split, spec=spec)
    out = words.out or _beside(sides, names)
    page = write_comparison(found, out)
    print(as_text(found))
    print(f"comparison: {page}")
    return 0


def _opened(predictions: Sequence[Predictions], settings: str) -> None:
    """Journal, in each run whose test predictions these are, that they are looked at."""
    among = sorted(table.fingerprint for table in predictions)
    purpose = f"compare, settings {digest(settings, *among)[:12]}"
    for table in predictions:
        folder = table.path.parent.parent
        of_run = table.path.parent.name == "predictions" and (folder / "provenance.json").is_file()
        if of_run and table.path.stem == "test":
            run = Run(folder)
            with run.owner():
                run.opened("test", purpose, table.fingerprint)


def _sides(words: argparse.Namespace) -> tuple[list[Path], list[Path]]:
    """Return the paths of each arm, given as A B or as --a … --b …."""
    if words.a and words.b and not words.pair:
        return words.a, words.b
    if len(words.pair) == 2 and not words.a and not words.b:
        return [words.pair[0]], [words.pair[1]]
    what = f"compare needs two arms; {len(words.pair)} stand there"
    raise InputError(Problem(what, "give A B, or --a PATH … --b PATH …"))


def _tables(path: Path, split: str) -> list[Path]:
    """Return the prediction tables that a path stands for."""
    if not path.exists():
        raise InputError(Problem("there is no such file or folder", "check the path", path))
    if path.is_file():
        return [path]
    for suffix in (".csv", ".parquet"):
        if (own := path / "predictions" / f"{split}{suffix}").is_file():
            return [own]
    if inside := sorted(path.glob(f"*/predictions/{split}.csv")):
        return inside
    what = f"has no predictions of {split}"
    raise InputError(Problem(what, "finish the run, or give --split", path))


def _names(a: Sequence[Path], b: Sequence[Path]) -> tuple[str, str]:
    """Return what tells the two arms apart: file or folder, else with the folder above."""
    for depth in (1, 2, 3):
        names = [", ".join(_named(path, depth) for path in side) for side in (a, b)]
        if names[0] != names[1]:
            return names[0], names[1]
    return "A", "B"


def _named(path: Path, depth: int) -> str:
    whole = path.absolute()
    return "/".join((whole.with_suffix("") if path.is_file() else whole).parts[-depth:])


def _beside(sides: tuple[list[Path], list[Path]], names: Sequence[str]) -> Path:
    """Return a folder beside A (never inside a run), named after both."""
    first = sides[0][0].absolute()
    runs = [p for p in (first, *first.parents) if (p / "provenance.json").is_file()]
    words = ["".join(c if c.isalnum() or c in "-_." else "-" for c in name) for name in names]
    name = "-vs-".join(word[:40].strip(".-") or "arm" for word in words)
    place = (runs[-1] if runs else first).parent  # outside of the outermost run
    with contextlib.suppress(ValueError):
        place = place.relative_to(Path.cwd())
    return place / "comparisons" / name
