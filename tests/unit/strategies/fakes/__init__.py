"""In-memory doubles of the tables of the strategies: each implements the Protocol of the real part."""
