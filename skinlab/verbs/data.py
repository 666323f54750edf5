"""``skinlab data``: draw, import, check, split, compare and erase photographs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skinlab.tables.errors import InputError, Problem
from skinlab.verbs.verb import Verb, add, bar

if TYPE_CHECKING:
    from skinlab.tables.labels import LabelTree
    from skinlab.tables.manifest import Manifest

# Of the patients: half of them are enough to learn from, and a search needs many to judge by.
SYNTH_FRACTIONS = (0.5, 0.35, 0.15)


def add_verbs(verbs: Any) -> None:
    """Add the verbs below ``data``."""
    about = "draw, import, check and split photographs"
    data = verbs.add_parser("data", help=about, description=about)
    below = data.add_subparsers(metavar="COMMAND", required=True, parser_class=Verb)
    synth = add(below, "synth", _synth, "draw the embedded default: synthetic lesion photographs")
    synth.add_argument("--patients", type=int, default=400)
    synth.add_argument("--seed", type=int, default=0)
    synth.add_argument("--name", default="synthetic", help="name of the manifest")
    bring = add(below, "import", _import, "an archive on disk -> manifest and dataset card")
    bring.add_argument(
        "archive", help="pad_ufes_20, ham10000, isic, fitzpatrick17k, ph2, folder, table"
    )
    bring.add_argument("root", type=Path, help="folder of the archive")
    bring.add_argument("--name", help="name of the manifest (default: the archive's)")
    bring.add_argument("--csv", type=Path, help="the CSV, where it is not in the archive")
    bring.add_argument("--year", type=int, help="`isic`: which challenge, where it cannot be seen")
    bring.add_argument("--overwrite", action="store_true", help="replace a manifest and its splits")
    bring.add_argument("--column", action="append", default=[], metavar="OURS=THEIRS")
    bring.add_argument("--patient", default="", help="`folder`: regex for the patient in a path")
    check = add(below, "check", _check, "every bad row of a manifest, all at once")
    split = add(below, "split", _split, "stratified splits or folds that keep patients together")
    twins = add(below, "duplicates", _duplicates, "near-duplicate photographs, across data sets")
    erase = add(below, "forget", _forget, "erase a patient from manifests, caches, predictions")
    erase.add_argument("patient", help="the patient_id of the manifest")
    erase.add_argument("manifest", type=Path, nargs="*", help="default: all of data_manifests")
    erase.add_argument("--yes", action="store_true", help="erase; without it only counts are shown")
    for verb in (check, split):
        verb.add_argument("manifest", type=Path)
    twins.add_argument("manifests", type=Path, nargs="+")
    twins.add_argument("--write", action="store_true", help="write duplicate_group columns")
    for verb in (check, split, twins):
        verb.add_argument("--root", default="", help="folder of the photographs")
    for verb in (check, split):
        verb.add_argument("--labels", default="", help="label tree (YAML)")
    split.add_argument("--folds", type=int, default=0, help="number of folds (0: train/val/test)")
    split.add_argument("--test", type=float, default=0.0, help="share held out beside the folds")
    split.add_argument("--fractions", type=float, nargs=3, default=[0.7, 0.15, 0.15])
    split.add_argument("--seed", type=int, default=0)
    split.add_argument("--out", type=Path, help="manifest to write (default: the same)")


def _synth(words: argparse.Namespace) -> int:
    from skinlab.data.split import split
    from skinlab.sources.archive import Scan
    from skinlab.sources.card import card
    from skinlab.sources.synthetic.draw import FACTS, draw
    from skinlab.tables.exclusions import write_exclusions
    from skinlab.tables.files import write_text
    from skinlab.tables.labels import LabelTree
    from skinlab.tables.manifest import Manifest
    from skinlab.workspace import Workspace, shipped

    _refuse_path(words.name)
    workspace = Workspace.here()
    root = workspace.data / words.name
    path = Path("data_manifests") / f"{words.name}.csv"
    with bar("drawing", "patient") as progress:
        drawn = draw(root, patients=words.patients, seed=words.seed, progress=progress)
    workspace.remember_root(path, root)
    if path.exists() and list(Manifest.read(path, root).column("sha256")) == drawn.column("sha256"):
        print(f"{len(drawn)} photographs are there already: {path}")
        return 0
    tree = LabelTree.read(shipped("data_manifests/labels/synthetic.yaml"))
    ready = split(drawn, tree, fractions=SYNTH_FRACTIONS, seed=words.seed)
    ready.save(path)
    write_text(path.with_suffix(".md"), card(words.name, Scan(ready, FACTS)))
    write_exclusions(path, ())
    print(f"{len(ready)} photographs of {words.patients} patients: {path}")
    return 0


def _import(words: argparse.Namespace) -> int:
    from skinlab.sources.importing import import_archive
    from skinlab.workspace import Workspace

    if words.name is not None:
        _refuse_path(words.name)
    if words.archive == "table" and not words.csv:
        raise InputError(Problem("import of table needs its table", "give --csv FILE"))
    workspace = Workspace.here()
    options: dict[str, object] = {}
    if words.csv:
        options["table"] = words.csv
    if words.column:
        options["columns"] = dict(pair.partition("=")[::2] for pair in words.column)
    options |= {name: v for name in ("patient", "year") if (v := getattr(words, name))}
    found = import_archive(
        words.archive,
        words.root,
        Path("data_manifests"),
        name=words.name or "",
        overwrite=words.overwrite,
        options=options,
    )
    workspace.remember_root(found.manifest_path, words.root)
    for dropped in found.dropped:
        print(f"left out: {dropped.count} in {dropped.where}: {dropped.reason}", file=sys.stderr)
    print(f"{len(found.manifest)} photographs: {found.manifest_path}, card {found.card_path}")
    return 0


def _refuse_path(name: str) -> None:
    """Refuse a name of a manifest that would lead to another folder."""
    if not name or name.startswith(".") or set(name) & set('/\\\0:"') or len(name) > 100:
        what = f"{name!r} cannot name a manifest"
        raise InputError(Problem(what, "give --name one word without / : or a dot in front"))


def _opened(words: argparse.Namespace) -> tuple[Manifest, LabelTree | None]:
    """Open a manifest (bad rows let through) and the label tree, where one is named."""
    from skinlab.tables.labels import LabelTree
    from skinlab.tables.manifest import Manifest
    from skinlab.workspace import Workspace, shipped

    tree = LabelTree.read(shipped(words.labels)) if words.labels else None
    if words.manifest.is_dir():
        raise InputError(Problem("is a folder", "name a manifest in it", words.manifest))
    root = Workspace.here().root_of(words.manifest, words.root)
    return Manifest.open(words.manifest, root), tree


def _check(words: argparse.Namespace) -> int:
    from skinlab.data.check import check
    from skinlab.workspace import Workspace

    manifest, tree = _opened(words)
    memory = Workspace.here().cache
    with bar("checking", "photograph") as progress:
        findings = check(manifest, tree, progress=progress, memory=memory)
    for note in findings.notes:
        print(f"note: {note}", file=sys.stderr)
    findings.refuse()
    print(f"{words.manifest}: {findings.summary()}")
    return 0


def _split(words: argparse.Namespace) -> int:
    from skinlab.data.split import safety_note, shared, split, split_table

    manifest, tree = _opened(words)
    ready = split(
        manifest,
        tree,
        fractions=words.fractions,
        folds=words.folds,
        test=words.test,
        seed=words.seed,
    )
    if note := safety_note(ready):
        print(f"note: {note}", file=sys.stderr)
    out = words.out or words.manifest
    ready.save(out)
    print(split_table(ready, tree).to_string(index=False))
    print("in more than one split: " + ", ".join(f"{n} {k}" for k, n in shared(ready).items()))
    print(f"split: {out}")
    return 0


def _duplicates(words: argparse.Namespace) -> int:
    from skinlab.data.duplicates import find_duplicates
    from skinlab.tables.manifest import Manifest
    from skinlab.tables.text import write_table
    from skinlab.workspace import Workspace

    workspace = Workspace.here()
    roots = [workspace.root_of(path, words.root) for path in words.manifests]
    pairs = zip(words.manifests, roots, strict=True)
    manifests = [Manifest.open(path, root) for path, root in pairs]
    with bar("comparing", "photograph") as progress:
        found = find_duplicates(manifests, progress=progress)
    for problem in found.unreadable:
        print(f"note: {problem}", file=sys.stderr)
    out = workspace.folder / "duplicates.csv"
    write_table(out, found.pairs)
    if words.write:
        for manifest in found.manifests:
            manifest.save(manifest.path)
            print(f"duplicate_group written: {manifest.path}; split it again", file=sys.stderr)
    print(f"{len(found.pairs)} pairs of near-duplicates: {out}")
    return 0


def _forget(words: argparse.Namespace) -> int:
    from skinlab.forget import find_traces, forget
    from skinlab.workspace import Workspace

    workspace = Workspace.here()
    manifests = words.manifest or sorted(Path("data_manifests").glob("*.csv"))
    traces = find_traces(words.patient, workspace, manifests)
    if traces.nothing:
        print("nothing left of this patient")
        return 0
    print(
        f"{sum(traces.manifests.values())} manifest rows, {sum(traces.predictions.values())} "
        f"prediction rows, {len(traces.caches)} caches, "
        f"{len(traces.trained)} networks trained with this patient"
    )
    for folder in traces.trained:
        print(f"trained with this patient: {folder}")
    if not words.yes:
        print("nothing was changed; give --yes to erase")
        return 0
    print(f"erased; receipt: {forget(words.patient, workspace, manifests)}")
    return 0
