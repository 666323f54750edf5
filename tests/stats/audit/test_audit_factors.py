from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinlab.stats.audit.finding import Finding
from skinlab.stats.audit.verdict import audit_factor_table, is_clean
from skinlab.stats.factors.analysis import analyze
from skinlab.tables.text import read_table

PRINTED = Path(__file__).parents[3] / "data_manifests" / "printed"


def rules(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.rule for finding in findings]


def the(findings: tuple[Finding, ...], rule: str) -> Finding:
    found = [finding for finding in findings if finding.rule == rule]
    assert len(found) == 1, rules(findings)
    return found[0]


def test_table_a_r_has_repeats_a_lucky_winner_and_a_confounded_design() -> None:
    factors = ("rotation", "phase", "brightness", "saturation", "blur", "crop")
    frame = read_table(PRINTED / "table_a_r.csv")
    report = analyze(frame, factors, ("diagnosis",), label="setting", marked="Q")
    findings = audit_factor_table(report)
    assert sorted(rules(findings)) == [
        "confounded design",
        "repeated settings",
        "winner inside the noise",
    ]
    assert "".join(the(findings, "winner inside the noise").numbers["inside"]) == "BCDEFMNPR"
    confounded = the(findings, "confounded design").numbers
    assert (confounded["empty_tables"], confounded["tables"]) == (11, 15)
    assert confounded["phi"] == {"rotation, blur": pytest.approx(0.72, abs=0.005)}
    repeated = the(findings, "repeated settings")
    assert repeated.severity == "suspicious"
    assert repeated.numbers["settings"] == 11


def test_a_balanced_search_with_repeats_and_a_clear_winner_is_clean() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": [0, 0, 1, 1] * 4, "b": [0, 1, 0, 1] * 4})
    frame["accuracy"] = 70 + 5 * frame["a"] + 5 * frame["b"] + rng.normal(0, 0.2, 16)
    assert is_clean(audit_factor_table(analyze(frame, "ab", ("accuracy",))))


def test_a_search_that_cannot_tell_its_noise_is_found() -> None:
    frame = pd.DataFrame({"a": [0, 1, 0, 1], "b": [0, 0, 1, 1], "c": [0, 1, 1, 0]})
    frame["accuracy"] = [70.0, 72.0, 71.0, 75.0]
    assert "no repeats" in rules(audit_factor_table(analyze(frame, "abc", ("accuracy",))))
