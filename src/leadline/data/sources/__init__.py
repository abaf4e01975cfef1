"""Sources: whatever holds examples, opened and read as a `leadline.data.Dataset`."""
