"""Manifest rows -> memory-mapped pixels -> batches on the device."""
