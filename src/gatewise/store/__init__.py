"""A fitted classifier <-> a folder of checked files."""
