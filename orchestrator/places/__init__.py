"""Where work and results lie: a file for each kind of place; what a place is, `model/places.py` says."""
