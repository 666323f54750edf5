from skinlab.reporting.answer import Found, Missing


def test_equal_answers_are_equal_so_that_they_are_said_once() -> None:
    assert len({Missing("split again"), Missing("split again")}) == 1
    assert Found("a", "b") != Found("a", "c")
