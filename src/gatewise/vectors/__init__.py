"""Tokens -> word vectors."""
