"""
A run before it is run: the real planner and the real engine on a virtual clock, in a model of the services.

What decides is the engine's: which tasks are handed over and when, how large parts become once the first have come, the
budget, the ladder, the claims of units. What takes time is modelled, each in one place: Earth Engine
(`earth_engine.py`), requests, lines and processors (`machines.py`), what they cost (`costs.py`).
"""
