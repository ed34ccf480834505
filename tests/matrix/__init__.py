"""Every surface of the SDK, every ending, sync and async, on the SDK versions of `sdks`; with us and without."""
