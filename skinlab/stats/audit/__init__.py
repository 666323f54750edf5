"""Reports and printed tables: what is impossible or suspicious in them."""
