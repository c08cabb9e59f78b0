"""A made-up register and a made-up web on loopback, for the first run and the tests.

Nothing here names a real company: names are coined, UENs lie in number ranges the register
never reaches, hosts end in ``.test`` (RFC 6761), telephone numbers begin 6000 and 9000, and
every row and page carries the word "Sandbox".

Ways in: ``server.Sandbox`` runs everything, ``data_gov_sg.DataGovSg`` the register's service
alone, ``register.write_one/write_split/write_zip`` write extracts, ``companies.companies`` and
``register.release_truth`` tell the truth, ``measure.measure`` holds findings against it.
``python -m leadgen_project.sandbox`` serves it to other programs.
"""
