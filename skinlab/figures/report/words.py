"""Names of metrics in a report -> what a reader is told that they are."""

from __future__ import annotations

from skinlab.tables.report import Estimate

METRICS = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy (mean recall)",
    "macro_specificity": "Specificity, macro",
    "macro_ppv": "PPV, macro",
    "macro_npv": "NPV, macro",
    "macro_f1": "F1, macro",
    "mcc": "Matthews correlation",
    "kappa": "Cohen’s kappa",
    "kappa_linear": "Cohen’s kappa, linear weights",
    "kappa_quadratic": "Cohen’s kappa, quadratic weights",
    "mean_absolute_error": "Mean absolute error (steps)",
    "top_2_accuracy": "Truth among the 2 likeliest",
    "top_3_accuracy": "Truth among the 3 likeliest",
    "top_5_accuracy": "Truth among the 5 likeliest",
    "macro_auroc": "AUROC, macro one-vs-rest",
    "hand_till_auroc": "AUROC, mean of all pairs of classes (Hand-Till)",
    "macro_average_precision": "Average precision, macro",
}
CALIBRATION = {
    "brier": "Brier score (sum over classes)",
    "brier_skill": "Brier skill (1 - score / score of the class shares)",
    "log_loss": "Log loss (nats)",
    "ece": "Calibration error, 15 equal-width bins",
    "ece_equal_mass": "Calibration error, 15 equal-mass bins",
}
DECISIONS = {
    "sensitivity": "Sensitivity (recall)",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "f1": "F1",
    "accuracy": "Accuracy, one-vs-rest",
    "ppv_at_prevalence": "PPV at the stated prevalence",
    "npv_at_prevalence": "NPV at the stated prevalence",
}
PROBABILITIES = {
    "auroc": "AUROC",
    "partial_auroc": "AUROC above 80 % sensitivity (0 to 0.2)",
    "average_precision": "Average precision",
    "calibration_slope": "Calibration slope (1 is right)",
    "calibration_in_the_large": "Calibration in the large (0 is right)",
}
OVERALL = METRICS | CALIBRATION
PER_CLASS = DECISIONS | PROBABILITIES
AT_POINT, AFTER, GAP = "_at_operating_point", "_after_temperature", "_difference"


def name_of(estimate: Estimate) -> str:
    """Return ``Accuracy`` or ``Sensitivity (recall): nevus``, whatever threshold or heat it is at.

    A metric that is not in the tables above is called by its own name.
    """
    metric = estimate.metric
    for suffix in (AT_POINT, AFTER, GAP):
        metric = metric.removesuffix(suffix)
    names = PER_CLASS if estimate.class_name else OVERALL
    name = names.get(metric, metric.replace("_", " "))
    return f"{name}: {estimate.class_name}" if estimate.class_name else name
