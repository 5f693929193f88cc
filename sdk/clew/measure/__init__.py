"""The statistics of lift: what to compare and when to believe it (RULES M); pure functions."""
