"""Ground floor: errors, files, seeds, settings. Imports nothing of ours."""
