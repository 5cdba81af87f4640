"""Best fit, profiles, impacts, goodness of fit."""
