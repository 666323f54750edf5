"""Evidence -> answers about the numbers: which, with which intervals, on whom, against whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from skinlab.reporting.answer import Answer, Found, Missing
from skinlab.reporting.evidence import Evidence
from skinlab.reporting.run_flow import flow_of
from skinlab.stats.paired.cases import Arm
from skinlab.tables.comparison import Comparison
from skinlab.tables.files import read_text
from skinlab.tables.predictions import Predictions
from skinlab.workspace import Run

AFTER = "_after_temperature"
PLACE = "report/test/report.json"
NO_REPORT = Missing("evaluate the test split: there is no report/test/report.json")


def _of_test(run: Evidence) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield place and content of the report that `fit` wrote, then of later ones by `evaluate`."""
    for name in sorted(run.reports, key=lambda name: (name != "test", name)):
        if name == "test" or name.startswith("test-"):
            yield f"report/{name}/report.json", run.reports[name]


def _estimates(run: Evidence) -> list[dict[str, Any]]:
    """Return the test estimates of the whole set, one case an image."""
    report = run.reports.get("test") or {}
    found: list[dict[str, Any]] = report.get("estimates", [])
    return [e for e in found if not e.get("subgroup") and not e.get("aggregated")]


def _shown(e: dict[str, Any]) -> str:
    name = " ".join(filter(None, (e["metric"], e["class_name"], f"({e['tree_level']})")))
    if e["value"] is None:
        return f"{name}: n/a, {e['reason']}"
    text = f"{name} {e['value']:.3f}"
    if e["low"] is None or e["high"] is None:
        return f"{text} without interval ({e['reason']})"
    return f"{text} ({e['level']:.0%} CI {e['low']:.3f}-{e['high']:.3f})"


def _said(run: Evidence, todo: str, *metrics: str, positive_only: bool = False) -> Answer:
    """Return the estimates of some metrics; with an interval each, else it is said."""
    if "test" not in run.reports:
        return NO_REPORT
    positive = run.reports["test"].get("positive", "")
    found = [
        e
        for e in _estimates(run)
        if e["metric"] in metrics
        and e["value"] is not None
        and (e["class_name"] == positive if positive_only else not e["class_name"])
    ]
    if not found:
        return Missing(todo)
    return Found("; ".join(map(_shown, found)), f"{PLACE}, {', '.join(metrics)}")


def discrimination(run: Evidence) -> Answer:
    """How well classes are told apart."""
    todo = "evaluate again with this skinlab: the report has no such number"
    return _said(run, todo, "accuracy", "balanced_accuracy", "macro_auroc", "mcc")


def positive_class(run: Evidence) -> Answer:
    """Sensitivity and specificity of the positive class, which is named."""
    if "test" in run.reports and not run.reports["test"].get("positive"):
        return Missing("evaluate with a label tree, which names the positive class")
    todo = "evaluate with a label tree: no class of the report is the positive one"
    return _said(run, todo, "sensitivity", "specificity", positive_only=True)


def predictive_values(run: Evidence) -> Answer:
    """Predictive values, at the share of positives in the test set."""
    todo = "evaluate with a label tree: no class of the report is the positive one"
    answer = _said(run, todo, "ppv", "npv", positive_only=True)
    if isinstance(answer, Missing):
        return answer
    note = "at the prevalence of the test set, not of a clinic"
    return Found(f"{answer.text}; {note}", answer.place)


def per_class(run: Evidence) -> Answer:
    """Numbers of each class."""
    if "test" not in run.reports:
        return NO_REPORT
    found = [e for e in _estimates(run) if e["metric"] == "sensitivity" and e["class_name"]]
    if not found:
        return Missing("evaluate again with this skinlab: no class has a number")
    return Found("; ".join(map(_shown, found)), f"{PLACE}, class_name")


def uncertainty(run: Evidence) -> Answer:
    """How intervals were made."""
    if "test" not in run.reports:
        return NO_REPORT
    every = [e for e in _estimates(run) if e["value"] is not None]
    held = [e for e in every if e["low"] is not None]
    if not held:
        return Missing("evaluate on more patients: no number has an interval")
    methods = list(dict.fromkeys(e["method"] for e in held))
    more = f"; {len(methods) - 4} further methods" if len(methods) > 4 else ""
    text = f"{len(held)} of {len(every)} numbers have an interval: {'; '.join(methods[:4])}{more}"
    return Found(text, f"{PLACE}, method")


def unit(run: Evidence) -> Answer:
    """What is counted, and what is resampled."""
    if "test" not in run.reports:
        return NO_REPORT
    first = next((e for e in _estimates(run) if e["metric"] == "accuracy"), None)
    if first is None:
        return Missing("evaluate again with this skinlab: the report has no accuracy")
    text = f"{first['n_images']} images of {first['n_patients']} patients; one case is one image; "
    text += f"unit of the interval of accuracy: {first['unit']}"
    return Found(text, f"{PLACE}, unit, n_images, n_patients")


def cross_table(run: Evidence) -> Answer:
    """Truth against answers."""
    tables = (run.reports.get("test") or {}).get("confusion", [])
    if not tables:
        return NO_REPORT if "test" not in run.reports else Missing("evaluate again: no matrix")
    sizes = ", ".join(f"{t['tree_level']} ({len(t['classes'])} classes)" for t in tables)
    return Found(f"Truth against answers: {sizes}", f"{PLACE}, confusion; confusion_*.png")


def failures(run: Evidence) -> Answer:
    """Which errors are made most."""
    tables = (run.reports.get("test") or {}).get("confusion", [])
    if not tables:
        return NO_REPORT
    wrong = sorted(_wrong(tables[0]), reverse=True)
    if not wrong:
        return Found("no wrong answer", f"{PLACE}, confusion")
    text = "; ".join(f"{truth} called {answer}: {n}" for n, truth, answer in wrong[:5])
    return Found(f"Most frequent wrong answers ({tables[0]['tree_level']}): {text}", "report.html")


def _wrong(table: dict[str, Any]) -> Iterator[tuple[int, str, str]]:
    for truth, row in zip(table["classes"], table["counts"], strict=True):
        for answer, n in zip(table["classes"], row, strict=True):
            if truth != answer and n:
                yield n, truth, answer


def calibration(run: Evidence) -> Answer:
    """Whether probabilities mean what they say."""
    todo = "evaluate again with this skinlab: the report has no such number"
    metrics = ("brier", "log_loss", "ece", "calibration_slope", "calibration_in_the_large")
    answer = _said(run, todo, *metrics)
    if isinstance(answer, Missing):
        return answer
    for place, report in _of_test(run):
        after = [e for e in report.get("estimates", []) if e["metric"].endswith(AFTER)]
        if after:
            said = "; ".join(_shown(e) for e in after)
            return Found(f"{answer.text}; {said}", f"{answer.place}; {place}, *{AFTER}")
    return answer


def operating_point(run: Evidence) -> Answer:
    """The threshold, chosen on validation before the test set was opened."""
    if "test" not in run.reports:
        return NO_REPORT
    for place, report in _of_test(run):
        said = [n for n in report.get("notes", []) if n.startswith("Operating point")]
        if report.get("operating_point") and said:
            return Found(" ".join(said), f"{place}, operating_point")
    if run.run is None or not (run.run.folder / "operating_point.json").exists():
        return Missing("choose one on validation: evaluation.operating_point.rule, then fit")
    return Missing("evaluate the test split with the frozen threshold: its report has none")


def test_openings(run: Evidence) -> Answer:
    """How often the test set was opened."""
    times = run.provenance.get("openings", {}).get("test", 0)
    if not times:
        return Missing("run again with this skinlab: nothing counts the openings of the test set")
    text = f"the test set was opened {times} time(s)"
    events = run.run.events("opened") if run.run else []
    purposes = dict.fromkeys(e["purpose"] for e in events if e["split"] == "test")
    if purposes:
        text += f": {'; '.join(purposes)}"
    return Found(text, "provenance.json, openings; journal.jsonl, opened")


def subgroups(run: Evidence) -> Answer:
    """How the numbers differ between groups of people."""
    if "test" not in run.reports:
        return NO_REPORT
    for place, report in _of_test(run):
        found = [e for e in report.get("estimates", []) if e.get("subgroup")]
        if found:
            names = dict.fromkeys(e["subgroup"].split("=")[0] for e in found)
            few = sum(e["value"] is None for e in found)
            text = (
                f"Groups by {', '.join(names)}: {len(found)} numbers, {few} of them too few to show"
            )
            return Found(text, f"{place}, subgroup")
    return Missing("name columns in evaluation.subgroups (skin_type, age, sex, site, device)")


def test_set(run: Evidence) -> Answer:
    """On what it was tested."""
    if "test" not in run.reports:
        return NO_REPORT
    names = dict.fromkeys(
        str(d.get("name")) for d in run.provenance.get("datasets", []) if d.get("name")
    )
    if not names:
        return Missing("run again with this skinlab: provenance.json names no data set")
    text = f"an internal test set: held-out images of {', '.join(names)}, like the training images"
    return Found(text, "provenance.json, datasets")


def notes(run: Evidence) -> Answer:
    """What the evaluation says a reader must know."""
    if "test" not in run.reports:
        return NO_REPORT
    said = run.reports["test"].get("notes", [])
    if not said:
        return Missing("state the limits of the study: `limitations:` in statements.yaml")
    return Found(" ".join(said), f"{PLACE}, notes")


def readers(run: Evidence) -> Answer:
    """How people do on the same cases."""
    path = run.run.folder / "report" / "readers" / "readers.json" if run.run else None
    if path is None or not path.exists():
        return Missing("compare with readers: `skinlab readers ANSWERS RUN/predictions/test.csv`")
    study = json.loads(read_text(path))
    parts = [f"{len(study['results'])} readers, {study['cases']} cases"]
    for measure, mean in study["mean"].items():
        model = study["model"][measure]
        if mean["value"] is not None and model["value"] is not None:
            parts.append(f"{measure}: {mean['value']:.3f}, model {model['value']:.3f}")
    return Found("; ".join(parts), "report/readers/readers.html")


def comparison(run: Evidence) -> Answer:
    """How another model does on the same cases: every comparison that lies beside the run."""
    todo = Missing("compare with another model on the same cases: `skinlab compare RUN OTHER`")
    table = run.run.folder / "predictions" / "test.csv" if run.run else None
    if run.run is None or table is None or not table.is_file():
        return todo
    outermost = [p for p in (run.run.folder, *run.run.folder.parents) if Run(p).provenance][-1:]
    places = [p for o in outermost for p in sorted(o.parent.glob("comparisons/*/comparison.json"))]
    if not places:
        return todo
    own = {part.fingerprint for part in Arm.of("", [Predictions.read(table)]).runs}
    said = {}
    for place in places:
        found = Comparison.read(place)
        if own & {*found.a.fingerprints, *found.b.fingerprints}:
            said[place.parent.name] = _compared(found)
    if not said:
        return todo
    names = ", ".join(said)
    return Found(" ".join(said.values()), f"comparisons ({names}), comparison.json beside the run")


def _compared(found: Comparison) -> str:
    chosen = [d for d in found.differences if d.in_family and not d.class_name]
    said = [
        f"{d.metric} ({d.tree_level}) {d}"
        + ("" if d.p_holm is None else f", Holm p {d.p_holm:.3g}")
        for d in chosen
    ]
    margin = "" if found.margin is None else f", margin {found.margin:g}"
    return f"{found.a.name} minus {found.b.name} on {found.split}{margin}: {'; '.join(said)}."


def agreement(run: Evidence) -> Answer:
    """How far readers agree with each other."""
    path = run.run.folder / "report" / "readers" / "readers.json" if run.run else None
    if path is None or not path.exists():
        return Missing("let two people or more read the same cases: `skinlab readers`")
    study = json.loads(read_text(path))
    all_of_them = [e for e in study["agreement"] if e["metric"] == "Fleiss' kappa"]
    known = [e for e in all_of_them if e["value"] is not None]
    if not known:
        return Missing("let two people or more name the same cases")
    text = "; ".join(f"{e['metric']} ({e['tree_level']}) {e['value']:.3f}" for e in known)
    return Found(f"{text} between readers", "report/readers/readers.html")


def undecided(run: Evidence) -> Answer:
    """Cases without an answer of the model."""
    if "test" not in run.reports:
        return NO_REPORT
    if run.manifest is None:
        return Missing(f"{run.why_no_manifest}: it says how many test images there are")
    arm = next((a for a in flow_of(run).arms if a.name == "test"), None)
    if arm is None or arm.predicted is None:
        return Missing("compare the test predictions of every fold with the manifest yourself")
    if arm.predicted != arm.count.images:
        gap = f"{arm.predicted} of {arm.count.images} test images were predicted"
        return Missing(f"{gap}: say what became of the others")
    text = f"every one of the {arm.predicted} test images got an answer: none is rejected"
    return Found(text, "predictions/test.csv against the manifest")
