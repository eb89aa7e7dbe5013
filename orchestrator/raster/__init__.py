"""Windows, spans and blocks of a grid: what planning, assembling and products share."""
