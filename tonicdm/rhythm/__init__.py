"""The Rhythm API on the same rooms: tokens, contacts, lists, searches, queries."""
