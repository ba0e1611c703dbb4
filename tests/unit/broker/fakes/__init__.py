"""In-memory doubles of everything outside: each implements the Protocol of the real part."""
