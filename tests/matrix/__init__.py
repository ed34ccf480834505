"""Every surface of the SDK, every ending, sync and async, on six SDK versions; with us and without."""
