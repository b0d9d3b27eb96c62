"""Texts -> tokens -> ids."""
