"""The pyhf workspace of runs and regions, written out by hand: an oracle of the models that studies make."""


def normsys(name, size):
    return {"name": name, "type": "normsys", "data": {"hi": 1 + size, "lo": 1 / (1 + size)}}


def workspace_of(test, events):
    """Workspace of a `SignalTest` with signal events by channel at mu = 1; 1e-6 events stand for no background."""
    channels, observations = [], []
    for run in test.runs:
        sizes = {"efficiency": run.systematics.efficiency, "mot": run.systematics.mot}
        effects = [
            normsys(name if name in test.correlated else f"{name}_{run.name}", size) for name, size in sizes.items()
        ]
        effects.append(normsys("cross_section", run.systematics.cross_section))
        for region in test.regions:
            name, background = test.channel(region, run), run.region(region).background
            spread = (
                [normsys(f"background_{region}_{run.name}", background.uncertainty / background.events)]
                if background.uncertainty
                else []
            )
            signal = [{"name": "mu", "type": "normfactor", "data": None}, *(effects if test.systematics else [])]
            stated = max(background.events, 1e-6)
            samples = [
                {"name": "signal", "data": [events[name]], "modifiers": signal},
                {"name": "background", "data": [stated], "modifiers": spread if test.systematics else []},
            ]
            channels.append({"name": name, "samples": samples})
            count = run.region(region).observed
            observations.append({"name": name, "data": [float(stated if test.is_projection else count)]})
    measurement = {
        "name": "projection" if test.is_projection else "observed",
        "config": {"poi": "mu", "parameters": []},
    }
    return {"version": "1.0.0", "channels": channels, "observations": observations, "measurements": [measurement]}
