"""Groups of people by a column of the manifest: estimates, gaps to the rest, too few."""
