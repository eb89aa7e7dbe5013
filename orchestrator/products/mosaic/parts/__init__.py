"""The same file from a folder of parts that are there already: names, headers, gaps, then the assembler."""
