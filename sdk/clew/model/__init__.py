"""Frozen values that agree with the documents of `schemas/`, one module per document."""
