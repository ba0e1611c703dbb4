"""Strategies: one signal opens or closes a position for every user it is valid for, and places their orders."""
