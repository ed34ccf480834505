"""The same questions over ClickHouse, where the collector's exporter has put everybody's calls.

`place` says where it is, `tables` what its tables mean, `translate` puts the questions into its
SQL, `engine` asks them, `sampling` says how much of everything they are about.
"""
