from skinlab.stats.audit.finding import SEVERITIES, Finding


def test_a_finding_reads_as_where_what_why_and_remedy() -> None:
    finding = Finding("suspicious", "rule", "row A", "is odd", "it matters", "look again")
    assert str(finding).splitlines() == [
        "suspicious: row A: is odd",
        "    why: it matters",
        "    do:  look again",
    ]
    assert SEVERITIES[0] == "impossible"
