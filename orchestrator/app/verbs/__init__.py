"""
What can be done with jobs and runs, each in one place: the command line, the Python API and the daemon call these.

A verb takes and returns frozen values, raises errors of our tree, prints nothing and knows no face. What takes a while
is told to a `Busy`, and how far a run is to a `Progress`.
"""
