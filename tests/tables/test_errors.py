import pytest

from skinlab.tables.errors import InputError, Problem, RunError


def test_a_problem_is_one_line_with_place_reason_and_remedy() -> None:
    problem = Problem("diagnosis\nis  blank", "fill it", "表.csv", 7)
    assert str(problem) == "表.csv line 7: diagnosis is blank; fill it"
    assert str(Problem("no rows", file="m.csv")) == "m.csv: no rows"
    assert str(Problem("no rows")) == "no rows"


def test_an_error_carries_every_problem() -> None:
    error = InputError(Problem(str(i)) for i in range(3))
    assert str(error) == "0\n1\n2"
    assert len(error.problems) == 3
    assert InputError("plain").problems == (Problem("plain"),)


@pytest.mark.parametrize(("kind", "code"), [(InputError, 2), (RunError, 1)])
def test_bad_input_and_failed_runs_end_with_different_codes(kind: type, code: int) -> None:
    assert kind("x").exit_code == code
