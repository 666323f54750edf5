"""The embedded default data: synthetic lesion photographs with known truth, drawn on the spot."""
