"""A made-up register and a made-up web on loopback, for the first run and the tests.

Nothing here names a real company: names are coined, UENs lie in number ranges the register
never reaches, hosts end in ``.test`` (RFC 6761), telephone numbers begin 6000 and 9000, and
every row and page carries the word "Sandbox".
"""
