"""What watching Claude calls costs, measured beside the plain SDK and other instrumentations."""
