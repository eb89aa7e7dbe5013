"""The page: a process of its own, beside a daemon, that shows a state and asks verbs for what people want."""
