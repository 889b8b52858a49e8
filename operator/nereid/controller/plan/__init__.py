"""What a spec means: defaults resolved, units in numbers, bad input rejected with a sentence. Pure."""
