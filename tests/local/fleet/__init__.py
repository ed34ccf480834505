"""What of the fleet source needs no server."""
