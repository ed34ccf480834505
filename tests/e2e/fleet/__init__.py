"""The fleet source over ClickHouse itself."""
