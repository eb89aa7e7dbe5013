"""Which scenes there are: collections by short names, and their scenes as a table."""
