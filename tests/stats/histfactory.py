"""Random pyhf workspaces, one made by hand, and pyhf's own answers for them.

`workspaces()` is a strategy that uses every modifier of HistFactory, `every_modifier()` one workspace that holds them all, and
`Reference` evaluates a workspace with pyhf in the order of channels and parameters of another model.
"""

import numpy as np
import pyhf
from hypothesis import strategies as st

KINDS = ("normfactor", "lumi", "normsys", "histosys", "shapesys", "staterror", "shapefactor")

PYHF_CODES = {
    (4, "4p"): {},  # pyhf's default
    (1, 0): {"modifier_settings": {"normsys": {"interpcode": "code1"}, "histosys": {"interpcode": "code0"}}},
}
"""Interpolation codes (normsys, histosys) and what pyhf wants to hear for them."""

CHANNELS = ("SR", "CR", "b", "a", "Z 10", "Z 9")  # pyhf sorts them; a strategy draws any order
BACKGROUNDS = ("ttbar", "fakes", "other")
BOUNDS = {"alpha": [-5.0, 5.0], "factor": [0.0, 15.0], "gamma": [0.01, 9.0]}
FAMILY = {
    **dict.fromkeys(("normsys", "histosys"), "alpha"),
    **dict.fromkeys(("normfactor", "shapefactor"), "factor"),
    **dict.fromkeys(("shapesys", "staterror", "lumi"), "gamma"),
}
SETTINGS = {
    "normsys": ("inits", "bounds", "auxdata", "fixed"),
    "histosys": ("inits", "bounds", "auxdata", "fixed"),
    "lumi": ("fixed",),  # the others are always set, since pyhf has no default for them
    "normfactor": ("inits", "bounds", "fixed"),
    "shapefactor": ("inits", "bounds", "fixed"),
    "shapesys": ("inits", "bounds", "auxdata", "factors", "fixed"),
    "staterror": ("inits", "bounds", "auxdata", "sigmas", "fixed"),
}
"""What a measurement may set for the parameters of each modifier."""

yields = st.floats(0.5, 60)
scales = st.floats(0.5, 2.0)  # hi and lo of a normsys, each on either side of 1
tilts = st.floats(-0.2, 0.2)
errors = st.one_of(st.just(0.0), st.floats(0.02, 0.8))
likely = st.sampled_from((True, True, True, False))
VALUES = {
    "inits": {"alpha": st.floats(-1.5, 1.5), "factor": st.floats(0.2, 3), "gamma": st.floats(0.5, 1.5)},
    "auxdata": {"alpha": st.floats(-1, 1), "gamma": st.floats(0.8, 1.2)},
    "sigmas": {"gamma": st.floats(0.02, 0.5)},
}


def modifier(kind, name, data=None):
    return {"name": name, "type": kind, "data": data}


def make(channels, observations, parameters=(), poi="mu"):
    """A workspace of {channel: {sample: (yields, modifiers)}} and {channel: counts}."""
    return {
        "version": "1.0.0",
        "channels": [
            {
                "name": name,
                "samples": [{"name": s, "data": data, "modifiers": mods} for s, (data, mods) in samples.items()],
            }
            for name, samples in channels.items()
        ],
        "observations": [{"name": name, "data": data} for name, data in observations.items()],
        "measurements": [{"name": "first", "config": {"poi": poi, "parameters": list(parameters)}}],
    }


def every_modifier():
    """Two channels whose order is not alphabetical, every modifier, shared parameters, empty bins and vanishing errors."""
    mu, lumi, k = modifier("normfactor", "mu"), modifier("lumi", "lumi"), modifier("normfactor", "k")

    def jes(high, low):
        return modifier("normsys", "jes", {"hi": high, "lo": low})

    def tilt(name, high, low):
        return modifier("histosys", name, {"hi_data": high, "lo_data": low})

    free, stat = modifier("shapefactor", "free"), modifier("staterror", "stat")
    channels = {
        "SR": {
            "signal": ([3.0, 5.5], [mu, lumi, jes(1.2, 0.7)]),
            "ttbar": ([20.0, 0.0], [lumi, k, stat | {"data": [2.0, 0.5]}, tilt("jes", [22.0, 0.1], [18.5, 0.0])]),
            "fakes": ([4.0, 2.0], [modifier("shapesys", "fakes_SR", [0.8, 0.0]), free, jes(0.9, 1.3)]),
            "rare": (
                [1.0, 1.5],
                [mu, modifier("staterror", "stat_SR", [0.3, 0.0]), tilt("tilt", [1.1, 1.4], [0.9, 1.7])],
            ),
        },
        "CR": {
            "ttbar": (
                [50.0, 40.0],
                [lumi, jes(1.1, 1.05), tilt("jes", [52.0, 38.0], [49.0, 45.0]), stat | {"data": [1.0, 3.0]}],
            ),
            "fakes": ([0.0, 7.0], [free, modifier("shapesys", "fakes_CR", [0.3, 2.0]), k]),
        },
    }
    settings = [
        {"name": "lumi", "auxdata": [0.98], "sigmas": [0.02], "inits": [1.0], "bounds": [[0.5, 1.5]]},
        {"name": "k", "inits": [1.3], "fixed": True},
        {"name": "jes", "auxdata": [0.4], "inits": [-0.5], "bounds": [[-4.0, 4.0]]},
        {"name": "fakes_CR", "factors": [1.0, 9.0], "auxdata": [2.0, 8.0], "inits": [0.9, 1.1]},
    ]
    return make(channels, {"CR": [53, 44], "SR": [24, 11]}, settings)


@st.composite
def workspaces(draw, fewest=1):
    """A workspace of one to three channels with one to three bins each, and one or two measurements."""
    names = draw(st.lists(st.sampled_from(CHANNELS), min_size=fewest, max_size=3, unique=True))
    sizes, spans = draw(st.lists(st.integers(1, 3), min_size=3, max_size=3)), draw(st.booleans())
    channels = {}
    for i, name in enumerate(names):
        backgrounds = draw(st.lists(st.sampled_from(BACKGROUNDS), min_size=1, max_size=3, unique=True))
        samples = draw(st.permutations([*(["signal"] if i == 0 or draw(likely) else []), *backgrounds]))
        size = sizes[0 if spans else i]
        channels[name] = {
            sample: draw(_samples(name, sample, size, spans, sample == backgrounds[0])) for sample in samples
        }
    counts = {
        name: draw(st.lists(st.integers(0, 80) | st.floats(0.01, 80), min_size=len(data), max_size=len(data)))
        for name, data in ((name, next(iter(channels[name].values()))[0]) for name in draw(st.permutations(names)))
    }
    workspace = make(channels, counts)
    uses = modifiers_of(workspace)
    workspace["measurements"] = [
        {"name": name, "config": {"poi": poi, "parameters": [draw(_settings(key, *uses[key], poi)) for key in chosen]}}
        for name, poi in {"first": "mu", "second": "k" if "k" in uses and draw(st.booleans()) else "mu"}.items()
        for chosen in [
            [key for key in uses if key in ("lumi", "k_fixed") or (draw(st.booleans()) and "_all" not in key)]
        ]
    ][: draw(st.integers(1, 2))]
    return workspace


@st.composite
def _samples(draw, channel, sample, size, spans, filled):
    """(yields, modifiers) of a sample; `spans`: vectors of parameters may span channels, `filled`: no empty bin."""
    data = draw(st.lists(yields if filled else yields | st.just(0.0), min_size=size, max_size=size))

    def per_bin(strategy):
        return draw(st.lists(strategy, min_size=size, max_size=size))

    def some(*names):
        return [name for name in names if draw(st.booleans())]

    def absolute(relative):  # an error of an empty bin is an absolute one
        return [e * (value or 1.0) for e, value in zip(relative, data, strict=True)]

    def shifted():
        return [max(value * (1 + t), 0.0) if value else abs(t) for t, value in zip(per_bin(tilts), data, strict=True)]

    found = [modifier("normfactor", name) for name in some("k", "k_fixed")]
    if sample == "signal" or (sample == "other" and draw(st.booleans())):
        found.append(modifier("normfactor", "mu"))
    found += [modifier("lumi", name) for name in some("lumi")]
    found += [modifier("normsys", name, {"hi": draw(scales), "lo": draw(scales)}) for name in some("jes", "scale")]
    found += [modifier("histosys", name, {"hi_data": shifted(), "lo_data": shifted()}) for name in some("jes", "tilt")]
    found += [modifier("shapesys", name, absolute(per_bin(errors))) for name in some(f"gamma_{channel}_{sample}")]
    found += [modifier("staterror", name, absolute(per_bin(errors))) for name in some(f"stat_{channel}")]
    if spans and sample == "ttbar":  # the same samples in every channel, and equal numbers of bins: pyhf wants both
        found += [modifier("staterror", "stat_all", absolute(per_bin(errors))), modifier("shapefactor", "free_all")]
    else:
        found += [modifier("shapefactor", name) for name in some(f"free_{channel}")]
    return data, draw(st.permutations(found))


@st.composite
def _settings(draw, name, kind, size, poi):
    """One entry of a measurement's parameters."""
    family = FAMILY[kind]
    keys = [key for key in SETTINGS[kind] if draw(st.booleans()) and not (key == "fixed" and name == poi)]
    if kind == "lumi":
        keys += ["inits", "bounds", "auxdata", "sigmas"]
    entry = {"name": name}
    for key in keys:
        if key == "fixed":
            entry[key] = draw(st.booleans())
        elif key == "bounds":
            entry[key] = [BOUNDS[family]] * size
        elif kind == "shapesys" and key in ("auxdata", "factors"):
            entry[key] = draw(st.lists(st.floats(1, 100), min_size=size, max_size=size))
        else:
            entry[key] = draw(st.lists(VALUES[key][family], min_size=size, max_size=size))
    if name == "k_fixed":
        entry["fixed"] = True
    return entry


def modifiers_of(workspace):
    """{name: (kind, number of components in one channel)} of every parameter."""
    scalar = ("normfactor", "lumi", "normsys", "histosys")
    return {
        item["name"]: (item["type"], 1 if item["type"] in scalar else len(sample["data"]))
        for channel in workspace["channels"]
        for sample in channel["samples"]
        for item in sample["modifiers"]
    }


class Reference:
    """pyhf's model of a workspace; arrays have the order of `ours`, which needs `channels` and `parameters`."""

    def __init__(self, workspace, ours, codes=(4, "4p"), **options):
        self.model = pyhf.Workspace(workspace, validate=False).model(validate=False, **PYHF_CODES[codes], **options)
        config, names = self.model.config, [parameter.name for parameter in ours.parameters]
        assert sorted(names) == sorted(config.par_names)
        self.names, self._parameters = names, [names.index(name) for name in config.par_names]
        sizes = config.channel_nbins
        starts = dict(zip(ours.channels, np.cumsum([0, *(sizes[name] for name in ours.channels)])[:-1], strict=True))
        self._bins = [starts[name] + i for name in config.channels for i in range(sizes[name])]
        constrained = [n for n in config.auxdata_order for n in config.par_names[config.par_slice(n)]]
        order = [name for name in names if name in constrained]
        self._auxiliary = [order.index(name) for name in constrained]
        self.inits = self._ours(config.suggested_init(), self._parameters)
        self.bounds = self._ours(config.suggested_bounds(), self._parameters)
        self.fixed = self._ours(config.suggested_fixed(), self._parameters)
        self.auxiliary = self._ours(config.auxdata, self._auxiliary)
        poisson = [config.param_set(n).pdf_type == "poisson" for n in config.auxdata_order]
        lengths = [config.param_set(n).n_parameters for n in config.auxdata_order]
        self.poisson = self._ours(np.repeat(poisson, lengths), self._auxiliary).astype(bool)

    def logpdf(self, parameters, counts, auxiliary):
        """One call of pyhf a row; shapes (N, P), (N, B) and (N, C)."""
        data = np.hstack([counts[:, self._bins], auxiliary[:, self._auxiliary]])
        with np.errstate(divide="ignore"):  # the logarithm of a vanishing rate
            return np.array(
                [self.model.logpdf(p, d)[0] for p, d in zip(parameters[:, self._parameters], data, strict=True)]
            )

    def rates(self, parameters):
        found = np.array([self.model.expected_actualdata(row) for row in parameters[:, self._parameters]])
        return self._ours(found.T, self._bins).T

    @staticmethod
    def _ours(values, positions):
        """Values in pyhf's order, put at their positions in ours."""
        values = np.asarray(values, dtype=float)
        result = np.empty_like(values)
        result[positions] = values
        return result
