"""What may be wrong with parts that have their right shape, one kind of fault per file."""
