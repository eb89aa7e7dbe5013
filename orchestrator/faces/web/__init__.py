"""The page: runs, maps and results, in a browser on this machine."""
