"""The broker: takes orders in milliseconds and guarantees their placement at a slow, failing exchange."""
