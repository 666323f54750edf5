"""Evidence -> answers about the data: who, from where, labelled how, split how."""

from __future__ import annotations

from collections import Counter

from skinlab.reporting.answer import Answer, Found, Missing
from skinlab.reporting.evidence import Evidence
from skinlab.reporting.flow import used_rows
from skinlab.reporting.run_flow import flow_of
from skinlab.tables.exclusions import exclusions_of, read_exclusions
from skinlab.tables.labels import LabelTree
from skinlab.tables.manifest import Manifest


def _manifest(run: Evidence) -> Manifest | Missing:
    if run.manifest is None:
        why = run.why_no_manifest
        return Missing(f"{why}: give the command where the manifest is, unchanged")
    return run.manifest


def _card_line(run: Evidence, head: str, what: str) -> Answer:
    manifest = _manifest(run)
    if isinstance(manifest, Missing):
        return manifest
    place = manifest.path.with_suffix(".md").name
    for line in run.card.splitlines():
        text = line.removeprefix(f"- {head}: ")
        if text != line and text and text != "not stated":
            return Found(text, f"{place}, {head}")
    return Missing(f"say the {what} in the data set's card ({place}, line `- {head}: ...`)")


def source(run: Evidence) -> Answer:
    """Where the photographs come from."""
    return _card_line(run, "Source", "source")


def licence(run: Evidence) -> Answer:
    """Under which terms the photographs may be used."""
    return _card_line(run, "Licence", "licence")


def citation(run: Evidence) -> Answer:
    """What is to be cited for the data."""
    return _card_line(run, "Citation", "citation")


def flow(run: Evidence) -> Answer:
    """How many came in, left and were used, by split."""
    manifest = _manifest(run)
    if isinstance(manifest, Missing):
        return manifest
    found = flow_of(run)
    left = sum(one.count.images for one in found.excluded)
    arms = "; ".join(f"{arm.name}: {arm.count}" for arm in found.arms)
    text = f"{found.listed} in the manifest, {left} images excluded, {found.used} used. {arms}"
    return Found(text, f"{manifest.path.name}; draw it with `skinlab flow`")


def exclusions(run: Evidence) -> Answer:
    """What was left out, and why."""
    manifest = _manifest(run)
    if isinstance(manifest, Missing):
        return manifest
    path = exclusions_of(manifest.path)
    recorded = read_exclusions(manifest.path)
    if recorded is None:
        return Missing(f"import again, or write {path.name} (reason,images) beside the manifest")
    later = [(one.count.images, one.reason) for one in flow_of(run).excluded]
    parts = [f"{n}: {why}" for n, why in [*((e.images, e.reason) for e in recorded), *later]]
    return Found("; ".join(parts) or "nothing was left out", f"{path.name}, {manifest.path.name}")


def split(run: Evidence) -> Answer:
    """How the data were divided, and that nobody is on both sides."""
    manifest = _manifest(run)
    if isinstance(manifest, Missing):
        return manifest
    found = flow_of(run)
    if len(found.arms) < 2:
        return Missing("split the manifest with `skinlab data split`")
    if torn := [note for note in found.notes if "several splits" in note]:
        return Missing(f"{torn[0]} Split again with `skinlab data split`")
    arms = ", ".join(f"{arm.name} ({arm.count})" for arm in found.arms)
    safe = f"nothing that shares a {manifest.group_kind} is in two of them"
    if manifest.group_kind != "patient":
        safe += "; not proven to be disjoint by patient"
    return Found(f"Fixed in the manifest: {arms}; {safe}", f"{manifest.path.name}, column split")


def level_of_split(run: Evidence) -> Answer:
    """The level at which the splits are disjoint, where it is the patient."""
    manifest = _manifest(run)
    if isinstance(manifest, Missing):
        return manifest
    answer = split(run)
    if isinstance(answer, Missing):
        return answer
    if manifest.group_kind != "patient":
        blank = manifest.column("patient_id").count("")
        return Missing(f"give patient ids: {blank} of {len(manifest)} rows have none")
    return Found("Disjoint by patient", f"{manifest.path.name}, patient_id and split")


def duplicates(run: Evidence) -> Answer:
    """Whether near-duplicates were looked for."""
    manifest = _manifest(run)
    if isinstance(manifest, Missing):
        return manifest
    if "duplicate_group" not in manifest.frame.columns:
        return Missing("run `skinlab data duplicates MANIFEST --write`, then split again")
    groups = Counter(filter(None, manifest.column("duplicate_group")))
    torn = [
        name
        for name in groups
        if len({s for g, s in _pairs(manifest, "duplicate_group") if g == name}) > 1
    ]
    if torn:
        return Missing(f"{len(torn)} near-duplicate groups are in two splits: split again")
    many = f"{len(groups)} groups of near-duplicates ({sum(groups.values())} images)"
    text = f"{many}, none of them in two splits"
    return Found(text, f"{manifest.path.name}, duplicate_group")


def _pairs(manifest: Manifest, column: str) -> list[tuple[str, str]]:
    return list(zip(manifest.column(column), manifest.column("split"), strict=True))


def _values(run: Evidence, column: str, todo: str, what: str) -> Answer:
    """Return the counts of a column among the rows used."""
    manifest = _manifest(run)
    if isinstance(manifest, Missing):
        return manifest
    used = manifest.where(used_rows(manifest, run.tree))
    counts = Counter(used.column(column))
    blank = counts.pop("", 0)
    if not counts:
        return Missing(todo)
    shown = ", ".join(f"{value} {n}" for value, n in counts.most_common(8))
    more = f" and {len(counts) - 8} more" if len(counts) > 8 else ""
    return Found(f"{what}: {shown}{more}; missing {blank}", f"{manifest.path.name}, {column}")


def reference_standard(run: Evidence) -> Answer:
    """How each label was established."""
    todo = "add the column label_source (histology, follow-up, consensus, clinical) to the manifest"
    return _values(run, "label_source", todo, "Images by source of the label")


def skin_type(run: Evidence) -> Answer:
    """Skin types in the data."""
    todo = "add the column skin_type to the manifest, and say how it was assessed"
    return _values(run, "skin_type", todo, "Images by skin type")


def skin_type_method(run: Evidence) -> Answer:
    """How the skin type was assessed."""
    todo = "add the column tone_method (self, dermatologist, crowd, ITA) to the manifest"
    return _values(run, "tone_method", todo, "Images by method")


def device(run: Evidence) -> Answer:
    """With what the photographs were taken."""
    todo = "add the column device to the manifest"
    return _values(run, "device", todo, "Images by device")


def site(run: Evidence) -> Answer:
    """Where on the body the lesions are."""
    return _values(run, "site", "add the column site to the manifest", "Images by site")


def sex(run: Evidence) -> Answer:
    """Sex of those photographed."""
    return _values(run, "sex", "add the column sex to the manifest", "Images by sex")


def age(run: Evidence) -> Answer:
    """Age of those photographed."""
    manifest = _manifest(run)
    if isinstance(manifest, Missing):
        return manifest
    ages = [float(a) for a in manifest.column("age") if a.replace(".", "", 1).isdigit()]
    if not ages:
        return Missing("add the column age to the manifest")
    text = f"{min(ages):g} to {max(ages):g} years, known for {len(ages)} of {len(manifest)} images"
    return Found(f"{text}; by split in table 1", f"{manifest.path.name}, age; `skinlab flow`")


def missing_data(run: Evidence) -> Answer:
    """What is not known of whom."""
    manifest = _manifest(run)
    if isinstance(manifest, Missing):
        return manifest
    blank = {str(name): manifest.column(str(name)).count("") for name in manifest.frame.columns}
    gaps = ", ".join(f"{name} {n}" for name, n in blank.items() if n)
    text = f"Empty cells of {len(manifest)} rows: {gaps}" if gaps else "No cell is empty"
    return Found(text, manifest.path.name)


def image_size(run: Evidence) -> Answer:
    """Sizes of the photographs as they were taken."""
    manifest = _manifest(run)
    if isinstance(manifest, Missing):
        return manifest
    sides = [int(v) for n in ("width", "height") for v in manifest.column(n) if v.isdecimal()]
    if not sides:
        return Missing("add the columns width and height (`skinlab data import` does)")
    text = f"Sides of {min(sides)} to {max(sides)} pixels"
    return Found(text, f"{manifest.path.name}, width and height")


def classes(run: Evidence) -> Answer:
    """What is told apart, and what counts as positive."""
    if run.tree is None:
        return Missing("name the label tree (data.labels), or give --labels")
    tree: LabelTree = run.tree
    groups = "; ".join(
        f"{group}: {', '.join(dict.fromkeys(x.diagnosis for x in tree.leaves if x.group == group))}"
        for group in tree.classes("group")
    )
    return Found(f"{groups}. Positive: {tree.positive}", f"{tree.path.name}")


def class_balance(run: Evidence) -> Answer:
    """How many of each class are in each split."""
    manifest = _manifest(run)
    if isinstance(manifest, Missing):
        return manifest
    arms = "; ".join(
        f"{arm.name}: " + ", ".join(f"{name} {n.images}" for name, n in arm.classes.items())
        for arm in flow_of(run).arms
    )
    if not arms:
        return Missing("split the manifest with `skinlab data split`")
    return Found(f"Images. {arms}", f"{manifest.path.name}, diagnosis and split")
