"""Text, JSON, HTML and pictures of what others found; decides nothing."""
