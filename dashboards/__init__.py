"""Shows what the monitor knows; computes nothing. The built-in web UI and the generated Grafana and Kibana files."""
