"""How often estimates without labels hold what the labels say."""
