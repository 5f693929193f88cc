"""Pure deciding: fold, segments, eligibility, exploration, learning; no clock, chance or I/O."""
