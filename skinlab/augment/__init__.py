"""Random batch operations on the device: the searched preprocessing space."""
