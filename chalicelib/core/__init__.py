"""What all markets share. Imports no market."""
