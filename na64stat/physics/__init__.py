"""Pure functions of particle physics: NumPy in, NumPy out, natural units (GeV = 1).

This floor knows no experiment, no file and no scenario.

- `constants`: masses and couplings of nature, with uncertainty and source
- `nucleus`: what the target nucleus contributes
- `kinematics`: invariants of the 2 -> 2 process and the open range of the energy fraction x
- `flux`: photon flux of the nucleus, closed form
- `matrix_elements`: squared amplitudes of the four processes
- `quadrature`: Gauss-Legendre rules, also the one to integrate spectra over x
- `cross_sections`: d2sigma/(dx dcos theta), dsigma/dx, total cross sections, dark pairs
- `spectra`: where `cross_sections` takes the spectra of single particles from
- `decays`: widths, decay length, probabilities to decay visibly or not
- `checks`: what all of them ask of their arguments
- `loops`: kinetic mixing, muon loop to two photons, (g-2) of the muon
"""
