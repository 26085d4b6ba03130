"""GPU and server telemetry: what devices took and what servers did, from NVIDIA's driver and from metrics pages.

A *look* is everything that was read at one moment, counters as they stand. Two looks make samples: the records that say
what happened in between. What cannot be read is unknown with a reason, never 0.
"""
