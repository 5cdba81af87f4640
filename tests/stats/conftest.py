"""Small workspaces for the statistics tests."""

import pytest


def make_workspace(observed, background, signal, effects=(), background_effects=None, measurement="observed"):
    """One single-bin channel per entry; `effects` are relative uncertainties common to all signals."""
    channels = []
    for i, (b, s) in enumerate(zip(background, signal, strict=True)):
        modifiers = [{"name": "mu", "type": "normfactor", "data": None}]
        modifiers += [
            {"name": f"effect{k}", "type": "normsys", "data": {"hi": 1 + d, "lo": 1 / (1 + d)}}
            for k, d in enumerate(effects)
        ]
        samples = [{"name": "signal", "data": [s], "modifiers": modifiers}]
        if b > 0:
            d = 0 if background_effects is None else background_effects[i]
            own = [{"name": f"background{i}", "type": "normsys", "data": {"hi": 1 + d, "lo": 1 / (1 + d)}}] if d else []
            samples.append({"name": "background", "data": [b], "modifiers": own})
        channels.append({"name": f"r{i}", "samples": samples})
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": [{"name": f"r{i}", "data": [n]} for i, n in enumerate(observed)],
        "measurements": [{"name": measurement, "config": {"poi": "mu", "parameters": []}}],
    }


@pytest.fixture(name="make_workspace")
def make_workspace_fixture():
    return make_workspace


@pytest.fixture
def benchmark():
    """The two-region benchmark: (0, 4) observed, b = 0.07 +- 43% and 2 +- 30%, signal 3 and 3 with 10% and 1%."""
    return make_workspace([0, 4], [0.07, 2], [3, 3], (0.1, 0.01), (0.43, 0.30))
