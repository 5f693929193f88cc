"""What may be done with whose data: purposes, the consent ledger, masked views, tokens."""
