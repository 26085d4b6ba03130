"""How many false alarms the alerts raise where nothing happens, and how soon they find a shift."""
