"""Results -> facts -> charts -> one HTML file."""
