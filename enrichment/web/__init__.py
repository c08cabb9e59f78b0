"""Reading the web politely: one fetch, one site, robots.txt, turns at hosts, what a page is."""
