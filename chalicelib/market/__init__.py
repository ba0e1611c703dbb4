"""The art market: collectors and artists trade single pieces, matched by price and time."""
