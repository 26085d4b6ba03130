"""Changes along the stream: what the last windows' means say of one another, whatever the baseline says of them.

Pure functions of the points of the last windows: nothing is remembered that the stored tiles would not tell again.
"""
