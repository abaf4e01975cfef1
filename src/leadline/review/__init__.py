"""Reviews: people look through mistakes and labels, and what they say is kept, counted and applied."""
