"""Who may ask, and how often: tokens, rates, second factor, wrong passwords."""
