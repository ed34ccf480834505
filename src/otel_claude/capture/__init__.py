"""Watches the Anthropic SDK and fills in a `Call`: the only place that knows the SDK's insides."""
