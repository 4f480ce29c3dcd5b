"""Access control: API tokens, rate limits, second factor, limits on wrong passwords."""
