"""TLS at the forwarder, where a listener has a certificate: greeted, then bytes pass as on any other connection.

A *hello* is the client's first message, from which only the protocols it offers are taken. An *end* is one side of a
link as a machine between ciphertext and plain bytes; it owns no socket. A *greeting* is the time between a connection
and its first plain byte: the hello, the handshake with the server, the handshake with the client, in this order, so that
the client is offered what the server has chosen.
"""
