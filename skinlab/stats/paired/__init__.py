"""Two models on the same cases: differences with intervals, tests, decisions within a margin."""
