"""Rialto: an order platform with three markets behind one API."""
