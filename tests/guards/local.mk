# Guards: what the design says about the code, checked.
