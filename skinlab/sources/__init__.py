"""An archive on disk -> Manifest; one file an archive, each with read(root)."""
