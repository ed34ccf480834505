"""What the stored calls tell beyond sums: pure functions over rows and series.

Each says "not enough data" (None, or an empty list with a reason) where there is not.
"""
