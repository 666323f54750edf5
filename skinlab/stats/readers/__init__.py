"""People and a model on the same cases: each reader, the mean reader, their agreement."""
