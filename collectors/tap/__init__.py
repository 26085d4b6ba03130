"""The forwarder and its bounded copy: the bytes first, parsing never.

Three processes share one anonymous memory segment and nothing else. The *forwarder* moves bytes between client and
server and receives them straight into the segment's ring; the *capture worker* reads the ring; the *supervisor* made
the segment, holds the listening sockets, restarts either, and reads the counters. None ever waits for another: a full
ring, a slow worker or a dead one means that bytes are forwarded and not copied, and counted by reason.

A *link* is one client connection with its upstream connection, a *side* one of the two sockets; to *copy* bytes is to
put them into the ring.
"""
