"""Texts and labels -> a fitted classifier."""
