"""Conditions: JSONLogic, checked and compiled once (profile "clew-1"), and said in plain words."""

from clew.logic.describe import describe
from clew.logic.rule import Rule, compile_rule

__all__ = ["Rule", "compile_rule", "describe"]
