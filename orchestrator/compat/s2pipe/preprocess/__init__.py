"""Step two: preprocessing."""
