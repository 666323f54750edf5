"""EvaluationReport -> its page, a section a file."""
