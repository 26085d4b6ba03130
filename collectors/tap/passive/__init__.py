"""The passive tap: packets of the server's ports, seen by the kernel's way, put together into what the two ends said.

The *watcher* is the process that does it, in the forwarder's place: it reads the kernel's ring of packets (`packet_ring`,
filtered by `port_filter`), reads their headers (`packets`), puts each connection's two directions in order (`streams`,
`connections`) and copies the bytes into the segment's ring, from where everything is as with the forwarder. No byte of
an inference passes through it.

A *way* is one direction of one connection: addresses and ports of its sender and its receiver, as bytes. A *hole* is a
part of a direction that was never seen and that its receiver has: it is told with its exact size.
"""
