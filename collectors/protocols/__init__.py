"""Bytes of one connection → exchanges. Pure: no sockets, no clock, no logging; bytes and times are handed in.

An *observer* is told the bytes that passed in each direction, in any pieces, and hands back the exchanges that ended.
It never raises on foreign bytes: what it cannot read ends its *observation* of the connection with a cause, and is
counted. `connection.py` sniffs what a connection speaks and chooses; `http1.py` observes HTTP/1.1, its heads are read
by `heads.py`, its bodies framed by `bodies.py`; anything else is *opaque* and passes unread.
"""

from collectors.protocols.exchange import Direction as Direction
from collectors.protocols.exchange import Exchange as Exchange
