"""Kibana saved objects, generated from the same registry."""
