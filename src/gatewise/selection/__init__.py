"""Choosing by experiment: folds, candidates, and results that survive a kill."""
