"""The bundled help-desk tickets."""
