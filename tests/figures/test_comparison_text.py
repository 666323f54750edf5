"""Words and digits of a comparison."""

from __future__ import annotations

from dataclasses import replace

from comparison_samples import NAMES, difference, example

from skinlab.figures.comparison_text import as_text, headline, p_text, signed
from skinlab.tables.comparison import Decision


def test_the_terminal_has_the_main_lines_and_the_notes() -> None:
    lines = as_text(example()).splitlines()
    assert lines[0] == "A = new <i>, B = old; differences are A minus B"
    assert lines[1] == (
        "Accuracy (diagnosis): +0.012 (95% CI -0.046 to +0.079), p < 0.001 (McNemar, mid-p), "
        "Holm p 0.001; within ±0.05: equivalent, non-inferior"
    )
    assert lines[-1] == "note: Mind & read."


def test_a_family_of_classes_is_on_the_terminal_too() -> None:
    compared = example()
    name = NAMES[1]
    found = [
        replace(d, in_family=d.metric == "f1" and d.class_name == name)
        for d in compared.differences
    ]
    text = as_text(replace(compared, differences=tuple(found), family="all"))
    assert f"F1: {name}" not in text
    text = as_text(replace(compared, differences=tuple(found), family="classes"))
    assert f"F1: {name} (diagnosis): +0.012" in text


def test_what_was_not_shown_is_called_by_name() -> None:
    decision = Decision(0.05, 0.9, -0.08, 0.01, "x", "not shown", "not shown")
    shown = replace(example(), differences=(replace(difference("accuracy"), decision=decision),))
    assert "within ±0.05: equivalence not shown, non-inferiority not shown" in as_text(shown)


def test_the_positive_group_comes_first_with_both_kinds_of_right_answers() -> None:
    metrics = [(d.metric, d.class_name) for d in headline(example()) if d.class_name]
    sensitivity, specificity = ("sensitivity", NAMES[0]), ("specificity", NAMES[0])
    assert metrics == [sensitivity, specificity, sensitivity]  # per image, then per patient


def test_a_p_value_is_never_printed_as_zero() -> None:
    assert [p_text(p) for p in (None, 0.0, 0.00099, 0.0341, 1.0)] == [
        "n/a",
        "< 0.001",
        "< 0.001",
        "0.034",
        "1.000",
    ]


def test_differences_have_a_true_minus_and_zero_has_no_sign() -> None:
    assert [signed(x) for x in (0.0123, -0.0456, 0.0, -0.0001)] == [
        "+0.012",
        "−0.046",
        "0.000",
        "0.000",
    ]
