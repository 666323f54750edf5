"""Run folder and manifest -> what a paper must report: flow, table 1, checklists."""
