"""The experiment: run files, the target, the detector's response, the signal efficiency.

`load` reads a run file into a `run.Run`; the packaged files and tables are in `data/`, with their origin.
"""
