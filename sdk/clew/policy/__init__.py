"""The policy: read from documents or files, checked whole, built into one bundle, said in words."""

from clew.policy.bundle import build_bundle
from clew.policy.check import check_policy
from clew.policy.describe import describe_policy
from clew.policy.load import LoadedPolicy, load_policy

__all__ = ["LoadedPolicy", "build_bundle", "check_policy", "describe_policy", "load_policy"]
