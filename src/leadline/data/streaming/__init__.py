"""Streaming: tables that do not fit in memory, read from disk in every epoch."""
