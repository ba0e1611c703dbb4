"""The bridge: one process that carries the exchange's execution reports from its socket into a queue."""
