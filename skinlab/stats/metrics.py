"""Which metrics there are, what leaves each undefined, and which interval suits its kind.

Of every class: `CLASS_METRICS`, and of the positive class `AT_PREVALENCE`; per lesion and patient
`BRIEF`. `LINES` take one Newton step a resample, `BIASED` have no interval, `TWO_SIDED` need two
patients on either side, `SKEWED` have their interval on the logit scale. `AVERAGES` are resampled
within labels where a class is rare. `LARGEST` is the best value of means of proportions: one that
every resample reaches gets the interval of a proportion, as do those that `CAN_BE_ZERO` at 0.
"""

from __future__ import annotations

from skinlab.stats.counts import RATIOS
from skinlab.stats.rank import SENSITIVE

ONE_CLASS = "one class only"
EMPTY = {
    "sensitivity": "n = 0: no image has this class",
    "specificity": "n = 0: every image has this class",
    "ppv": "n = 0: nothing was answered with this class",
    "npv": "n = 0: everything was answered with this class",
    "f1": "no image has this class",
    "average_precision": "no image has this class",
    "mcc": "one class only in the truth or in the answers",
    "kappa": "one class only in the truth and in the answers",
    "kappa_linear": "one class only in the truth and in the answers",
    "kappa_quadratic": "one class only in the truth and in the answers",
    "macro_ppv": "a class was never answered, so its PPV is undefined",
    "macro_npv": "everything was answered with one class, so its NPV is undefined",
    "ppv_at_prevalence": "one class only, or nothing was answered with this class",
    "npv_at_prevalence": "one class only, or everything was answered with this class",
    "calibration_slope": "one class only, perfect separation or one probability: no finite slope",
}
CLASS_METRICS = (
    *RATIOS,
    "f1",
    "auroc",
    "average_precision",
    "partial_auroc",
    "calibration_slope",
    "calibration_in_the_large",
)
AT_PREVALENCE = ("ppv_at_prevalence", "npv_at_prevalence")
BRIEF = ("sensitivity", "specificity", "auroc")
LINES = ("calibration_slope", "calibration_in_the_large")
BIASED = ("ece", "ece_equal_mass")
TWO_SIDED = ("average_precision", "partial_auroc", *LINES)
# Averages that are 1 only if each patient of the rarest class is as good as can be.
LARGEST = {
    "balanced_accuracy": 1.0,
    "macro_specificity": 1.0,
    "macro_ppv": 1.0,
    "macro_npv": 1.0,
    "macro_f1": 1.0,
    "macro_auroc": 1.0,
    "macro_average_precision": 1.0,
    "hand_till_auroc": 1.0,
    "f1": 1.0,
    "average_precision": 1.0,
    "partial_auroc": 1 - SENSITIVE,
}
AVERAGES = (*LARGEST, "auroc", "mcc", "kappa", "kappa_linear", "kappa_quadratic", *AT_PREVALENCE)
SKEWED = ("average_precision", "macro_average_precision", "partial_auroc")
CAN_BE_ZERO = ("balanced_accuracy", "macro_auroc", "hand_till_auroc")
