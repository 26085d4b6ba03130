"""Which exchanges are kept, and with what probability."""
