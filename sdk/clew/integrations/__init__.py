"""Ways in from elsewhere: files, other interfaces, other tools."""
