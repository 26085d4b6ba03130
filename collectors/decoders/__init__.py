"""Exchange → what a model was asked and answered. Pure; one file per serving API, all named in `registry.py`.

A *decoder* says which model a request line calls, and turns a whole exchange into named tensors. What it cannot read
it refuses with a reason from a closed list and the place in the body; it never guesses a value.
"""
