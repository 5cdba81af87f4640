"""Photon fusion at tree level by Monte Carlo, without the package: `python scripts/rebuild_soft_fusion.py`, some minutes.

Writes tests/reference/soft_fusion/spectrum.csv. Nothing is shared with `na64stat.physics.exact_fusion` but the Lagrangian and the
form factor: the variables are the energy and direction of the axion and the direction of the outgoing muon, the squared amplitude
is the muon's tensor contracted with the current of a spin-0 nucleus at rest, and points are random. The nucleus takes no energy.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TABLE = Path(__file__).resolve().parents[1] / "tests" / "reference" / "soft_fusion" / "spectrum.csv"
MASSES = (1e-3, 3e-3, 1e-2, 5e-2, 1e-1)  # GeV
X_EDGES = (0.0, 1e-3, 3e-3, 1e-2, 5e-2, 1.0)
THETA_EDGES = (0.0, 5e-3, 2e-2, 3e-2, 1e-1, math.pi)  # rad
POINTS, CHUNK, SEED = 64_000_000, 500_000, 14

ENERGY, MUON, ELECTRON, ALPHA = 160.0, 0.1056583755, 0.51099895e-3, 1 / 137.035999084
Z, A = 82, 207
SCREEN, SIZE = (Z ** (1 / 3) * ELECTRON / 111) ** 2, 0.164 * A ** (-2 / 3)  # GeV^2
PB = 3.893793721e8  # of a GeV^-2

Array = NDArray[np.float64]


def sample(mass: float, count: int, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """Energy fractions, angles and weights [pb]: a point's weight over `POINTS` is its part of the cross section at g = 1/GeV."""
    low, high = mass / ENERGY, 1 - MUON / ENERGY
    # half of the points flat in ln x, half flat in ln(1 - x)
    ends = math.log(high / low), math.log((1 - low) / (1 - high))
    u = random.random(count)
    x = np.where(random.random(count) < 0.7, low * np.exp(ends[0] * u), 1 - (1 - high) * np.exp(ends[1] * u))
    density = 0.7 / (x * ends[0]) + 0.3 / ((1 - x) * ends[1])
    # cos(theta) with density 1/(1 - cos + c)
    scale = MUON**2 / ENERGY**2 / 2
    span = math.log1p(2 / scale)
    versine = scale * np.expm1(span * random.random(count))
    density = density / ((versine + scale) * span)
    omega, outgoing = x * ENERGY, (1 - x) * ENERGY
    p, k = math.sqrt(ENERGY**2 - MUON**2), np.sqrt((omega - mass) * (omega + mass))
    p_out = np.sqrt((outgoing - MUON) * (outgoing + MUON))
    sine = np.sqrt(versine * (2 - versine))
    axion = np.stack([k * sine, np.zeros(count), k * (1 - versine)])
    # The muon goes near the beam (its photon is nearly real) or near p - k (the nucleus' is)
    axes = np.stack([np.tile([[0.0], [0.0], [1.0]], count), np.array([[0.0], [0.0], [p]]) - axion])
    axes[1] /= np.sqrt((axes[1] ** 2).sum(axis=0))
    # smallest squared momenta of the two photons over 2 p p_out
    least = np.stack([(x * MUON) ** 2 / (1 - x) / (2 * p * p_out), np.full(count, SCREEN) / (2 * p * p_out)])
    spans = np.log1p(2 / least)
    second = random.random(count) < 0.5
    own, span_of = np.where(second, least[1], least[0]), np.where(second, spans[1], spans[0])
    turned = own * np.expm1(span_of * random.random(count))
    direction = around(np.where(second, axes[1], axes[0]), turned, 2 * np.pi * random.random(count))
    versines = np.stack([((direction - axis) ** 2).sum(axis=0) / 2 for axis in axes])
    versines = np.where(np.stack([~second, second]), turned, versines)
    density *= (0.5 / ((versines + least) * spans)).sum(axis=0) / (2 * np.pi)
    jacobian = ENERGY * p_out * k * 2 * np.pi / (8 * p * (2 * np.pi) ** 5)
    muon_photon = (MUON * (ENERGY - outgoing)) ** 2 / (ENERGY * outgoing + p * p_out - MUON**2)
    t2 = -2 * (muon_photon + p * p_out * versines[0])
    squared = amplitude(p, p_out, direction, axion, t2)
    return x, np.arccos(np.clip(1 - versine, -1, 1)), PB * jacobian * squared / density


def around(axis: Array, versine: Array, phi: Array) -> Array:
    """Unit vectors at 1 - cos = `versine` from `axis`, turned by phi; shape (3, n)."""
    x, _, z = axis  # in the plane of beam and axion
    first, other = np.stack([z, np.zeros_like(x), -x]), np.stack([np.zeros_like(x), np.ones_like(x), np.zeros_like(x)])
    sine = np.sqrt(np.maximum(versine * (2 - versine), 0))
    turned: Array = axis * (1 - versine) + sine * (first * np.cos(phi) + other * np.sin(phi))
    return turned


def amplitude(p: float, p_out: Array, direction: Array, axion: Array, t2: Array) -> Array:
    """|M|^2/(4 M^2) [GeV^-6] averaged over the muon's spin, g = 1/GeV."""
    beam = np.array([[0.0], [0.0], [p]])
    lost = beam - p_out * direction
    nucleus = axion - lost  # momentum that the nucleus gives
    t = (nucleus**2).sum(axis=0)
    current = np.cross(lost, nucleus, axis=0)  # epsilon(nucleus at rest, q2, q), space part of N/(2 M)
    along_p, along_out = (beam * current).sum(axis=0), (p_out * direction * current).sum(axis=0)
    square = (current**2).sum(axis=0)
    # 2 [p p' + p' p - g (p.p' - m^2)] contracted; the metric is -1 for space
    tensor = 2 * (2 * along_p * along_out - t2 / 2 * square)
    form = Z**2 / ((t + SCREEN) * (1 + t / SIZE)) ** 2
    found: Array = (4 * np.pi * ALPHA) ** 2 * form * tensor / t2**2
    return found


def main() -> None:
    """Write the table."""
    random = np.random.default_rng(SEED)
    rows = []
    for mass in MASSES:
        sums, squares = np.zeros((2, len(X_EDGES) - 1, len(THETA_EDGES) - 1))
        for _ in range(POINTS // CHUNK):
            x, theta, weight = sample(mass, CHUNK, random)
            bins = (np.array(X_EDGES), np.array(THETA_EDGES))
            sums += np.histogram2d(x, theta, bins=bins, weights=weight)[0]
            squares += np.histogram2d(x, theta, bins=bins, weights=weight**2)[0]
        sigma, error = sums / POINTS, np.sqrt(squares - sums**2 / POINTS) / POINTS
        for i, j in np.ndindex(sigma.shape):
            ends = (X_EDGES[i], X_EDGES[i + 1], THETA_EDGES[j], THETA_EDGES[j + 1])
            rows.append([mass, *(f"{end:.6g}" for end in ends), f"{sigma[i, j]:.5e}", f"{error[i, j]:.1e}"])
        print(f"{mass:g} GeV: {sigma.sum():.4e} +- {math.sqrt((error**2).sum()):.1e} pb")
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["mass_gev", "x_low", "x_high", "theta_low", "theta_high", "sigma_pb", "error_pb"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
