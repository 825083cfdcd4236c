"""What the person declares; nothing here does any I/O but reading its own file."""
