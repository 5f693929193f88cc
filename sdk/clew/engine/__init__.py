"""Pure deciding: fold, segments, eligibility, exploration, learning. No clock, no chance, no I/O."""
