"""Programs that keep the repository in order; nothing here is installed."""
