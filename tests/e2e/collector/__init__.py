"""deploy/collector: the real collector, with the configurations as they are."""
