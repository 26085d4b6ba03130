"""The durable queue between capture and delivery: framing, journals, recovery."""
