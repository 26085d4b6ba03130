"""The forwarder and its bounded copy: the bytes first, parsing never."""
