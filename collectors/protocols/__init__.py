"""Bytes of one connection → events → exchanges. Pure."""
