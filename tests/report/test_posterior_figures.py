"""The figure of posteriors is legible on a page, with a panel for each prior."""

import numpy as np
import pytest
from scipy.integrate import trapezoid

import na64stat as na
from na64stat.figures.posterior import curves_figure
from na64stat.plot.style import PAGE_CM


def test_a_panel_for_each_prior(check_legible):
    priors = (na.Flat("yield", 0, 50), na.LogFlat("coupling", 1e-6, 1))
    found = na.compare_priors(na.AxionMuon, na.load_run("2022"), priors, mass=0.1)
    figure = curves_figure(found)
    assert figure.get_figwidth() * 2.54 == pytest.approx(PAGE_CM)
    assert check_legible(figure) >= 20
    assert [axes.get_title() for axes in figure.axes] == [item.prior for item in found.credible]
    assert [axes.get_xlabel() for axes in figure.axes] == ["signal events", "coupling [GeV$^{-1}$]"]
    for axes in figure.axes:
        posterior = next(line for line in axes.lines if line.get_label() == "posterior")
        x, density = posterior.get_data()
        scale = np.log(x) if axes.get_xscale() == "log" else x
        assert trapezoid(density, scale) == pytest.approx(1, rel=0.02)
