"""What leaves the monitor as numbers and documents: Prometheus, Elasticsearch, OpenTelemetry."""
