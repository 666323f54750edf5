"""What every layer speaks: manifests, label trees, predictions, reports, and their files."""
