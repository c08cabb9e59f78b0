"""Who is asking, and for which tenant: passwords, single sign-on, devices, tokens, invitations."""
