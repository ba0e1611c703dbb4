"""The methods of the client, market by market."""
