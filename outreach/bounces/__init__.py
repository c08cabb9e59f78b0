"""Reading what came back because it could not be delivered."""
