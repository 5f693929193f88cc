"""The policy: read from documents or files, checked whole, built into one bundle, said in words."""

from clew.policy.load import LoadedPolicy, load_policy

__all__ = ["LoadedPolicy", "load_policy"]
