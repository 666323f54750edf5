"""Tables -> matplotlib; one figure a file: a function for the numbers, a function for the looks."""
