-- Begins to hear when something becomes due; no index.
listen statehouse_due
