"""What calls a person: webhook, Alertmanager, Apprise."""
