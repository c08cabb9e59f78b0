"""People's requests: all that is held about somebody, and how it is erased.

Here and not in an app, because an answer has to look into every table there is. Nothing is listed
by hand that can be found out: the walk reads all text of all tables, so a new one is covered.
"""
