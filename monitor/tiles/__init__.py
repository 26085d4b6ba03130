"""Mergeable profiles: everything that metrics read.

A *tile* profiles one feature (or pair, or outcome) of one slice in one base window; a *grid* is what the baseline froze
(edges of a number, categories of a name), so that tiles of any windows have the same cells and merge by addition. A
`TileSet` holds all tiles of one window; a `Baseline` holds the grids and the baseline's own tiles.
"""
