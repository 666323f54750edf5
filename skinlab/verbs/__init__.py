"""The verbs of the command line: words -> calls of the layers -> lines for a person."""
