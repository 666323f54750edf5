"""A comparison with one of everything, for the tests of its page."""

from __future__ import annotations

from skinlab.tables.comparison import (
    ArmSummary,
    CaseUnit,
    Comparison,
    Decision,
    Difference,
    OtherInterval,
    PairedTest,
)

NAMES = ("<b>基底細胞癌</b>", 'nevus "&" co')


def difference(metric: str, name: str = "", case: CaseUnit = "image") -> Difference:
    decision = Decision(0.05, 0.9, -0.03, 0.043, "Newcombe", "equivalent", "non-inferior")
    return Difference(
        metric,
        "diagnosis",
        name,
        case,
        a=0.8123,
        b=0.8,
        value=0.0123,
        low=-0.0456,
        high=0.0789,
        method="Newcombe",
        others=(OtherInterval("Tango score, and more", -0.047, 0.0801),),
        n_images=120,
        n_patients=60,
        tests=(PairedTest("McNemar, mid-p", 0.0004), PairedTest("exact", 0.2, "few <pairs>")),
        p_holm=0.0012 if not name else None,
        decision=None if metric == "brier" else decision,
    )


def example() -> Comparison:
    metrics = ("sensitivity", "specificity", "ppv", "npv", "f1", "auroc", "average_precision")
    found = [difference("accuracy"), difference("brier")]
    found += [difference(metric, name) for name in NAMES for metric in metrics]
    found.append(Difference("mcc", "diagnosis", a=0.5, reason="one class only"))
    found.append(difference("accuracy", case="patient"))
    found.append(difference("sensitivity", NAMES[0], "patient"))
    return Comparison(
        ArmSummary("new <i>", ("1", "2"), ("ab" * 32, "cd" * 32)),
        ArmSummary("old", ("",), ("ef" * 32,)),
        "test",
        NAMES[0],
        tuple(found),
        methods=("We did <this>.",),
        notes=("Mind & read.",),
        family="headline",
        family_members=("diagnosis: accuracy",),
        margin=0.05,
    )
