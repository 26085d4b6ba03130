"""Reports of a window made by other libraries, on demand: Evidently."""
