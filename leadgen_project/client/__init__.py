"""The command-line client ``leadgen``: everything it does goes over the API.

It knows no Django and none of our apps, so it runs on an operator's own machine with ``click``,
``rich`` and ``requests`` alone. See docs/client.md.
"""
