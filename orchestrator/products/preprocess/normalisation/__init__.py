"""Statistics of a set of scenes in two passes: histograms that add up in any order, then pixels made comparable."""
