"""From measurements to alerts, within a budget of false alarms. Pure: tiles and states in, findings and transitions out.

A *look* is one judging of one window. At each look every *family* (a kind of alert) puts its *tests* on the window and on
the trailing merges of 2, 4, 8, … windows. Two gates: *evidence* (a test's p-value within its share of the budget) and
*effect* (lower interval end beyond tolerance). Both make a finding critical and open the alert of its kind; `lifecycle`
keeps it open until the stream is back. `docs/alarms.md` tells the method and its figures.
"""
