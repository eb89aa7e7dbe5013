<<<<<<< HEAD
"""The page: runs, maps and results, in a browser on this machine."""
=======
"""The page: a process of its own, beside a daemon, that shows a state and asks verbs for what people want."""
>>>>>>> shell
