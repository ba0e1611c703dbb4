"""For the people on call: queues, dead letters, redrive, and the sweep that finds what was lost on the way."""
