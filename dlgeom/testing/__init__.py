"""For the tests of others: Hypothesis strategies and assertions with readable messages."""
