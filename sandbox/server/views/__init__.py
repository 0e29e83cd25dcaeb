"""HTTP entry points, one module per audience."""
