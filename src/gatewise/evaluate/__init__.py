"""Labels and probabilities -> scores."""
