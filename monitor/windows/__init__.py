"""Event time: which windows there are, to which a row belongs, which are due. Pure."""
