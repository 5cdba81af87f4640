"""JAX's side of the benchmark: rates and densities by evermore, fits by a damped Newton iteration under `jax.vmap`.

evermore brings no minimiser of its own. Its asymmetric exponential is Combine's, so that pyhf's interpolation (code 4)
stands here as an effect of its own; its template morphing is pyhf's code 4p. See `serve` for how the parent asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import evermore as evm
import jax
import jax.numpy as jnp
import numpy as np
from serve import serve

jax.config.update("jax_enable_x64", True)

_CLOSE = 1e-10  # remaining distance in -ln L at which a fit has converged
_MOST_STEPS = 200
_loaded: dict[str, Any] = {}


class Code4(evm.effect.BaseEffect):
    """pyhf's normsys: exponential outside one standard deviation, a polynomial of sixth order inside."""

    def __init__(self, poly: jax.Array, logs: jax.Array) -> None:
        self.poly, self.logs = poly, logs

    def __call__(self, value: jax.Array, hist: jax.Array) -> evm.effect.OffsetAndScale:
        """Scale of the histogram at a value of the parameter."""
        inside = 1 + sum(self.poly[k] * value ** (k + 1) for k in range(6))
        # The branch that is not taken must stay finite, or its derivatives spoil the other's.
        far = jnp.where(jnp.abs(value) > 1, value, 1.0)
        outside = jnp.exp(jnp.where(far > 0, far * self.logs[0], -far * self.logs[1]))
        scale = jnp.where(jnp.abs(value) <= 1, inside, outside)
        return evm.effect.OffsetAndScale(offset=jnp.zeros_like(hist), scale=scale).broadcast()


def _polynomial(high: float, low: float) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of x to x^6 and the logarithms: value, slope and curvature agree at +1 and -1, and the value is 1 at 0."""
    powers, logs = np.arange(1, 7), np.log([high, low])
    rows = []
    for x in (1.0, -1.0):
        rows += [x**powers, powers * x ** (powers - 1), powers * (powers - 1) * x ** np.maximum(powers - 2, 0)]
    right = [high - 1, logs[0] * high, logs[0] ** 2 * high, low - 1, -logs[1] * low, logs[1] ** 2 * low]
    return np.linalg.solve(np.array(rows), right), logs


class Likelihood:
    """A workspace as functions of (mu, theta_1, ...)."""

    def __init__(self, workspace: dict[str, Any]) -> None:
        self.channels = workspace["channels"]
        observations = {item["name"]: item["data"] for item in workspace["observations"]}
        self.observed = jnp.concatenate([jnp.array(observations[channel["name"]]) for channel in self.channels])
        modifiers = [m for channel in self.channels for sample in channel["samples"] for m in sample["modifiers"]]
        self.names = sorted({m["name"] for m in modifiers if m["type"] != "normfactor"})
        self.samples = [[_sample(sample, self.names) for sample in channel["samples"]] for channel in self.channels]

    def rates(self, point: jax.Array) -> jax.Array:
        """Expected events of all bins."""
        return jnp.concatenate([sum(expected(point) for expected in samples) for samples in self.samples])

    def nll(self, point: jax.Array, counts: jax.Array, auxiliary: jax.Array) -> jax.Array:
        """-ln L relative to the saturated model."""
        main = evm.pdf.PoissonContinuous(self.rates(point)).log_prob(counts)
        constraint = evm.pdf.Normal(auxiliary, jnp.ones_like(auxiliary)).log_prob(point[1:])
        return -(main.sum() + constraint.sum())

    def fit(self, counts: jax.Array, auxiliary: jax.Array, mu: jax.Array | float, free: bool) -> tuple[jax.Array, ...]:
        """Best point with mu >= 0 free, or fixed; its -ln L; whether the fit converged."""
        start = jnp.concatenate([jnp.array([mu]), auxiliary])
        return minimise(lambda point: self.nll(point, counts, auxiliary), start, free)

    def statistic(self, counts: jax.Array, auxiliary: jax.Array, mu: jax.Array | float) -> tuple[jax.Array, jax.Array]:
        """q-tilde of one data set, and whether both fits converged."""
        _, fixed, fixed_done = self.fit(counts, auxiliary, mu, free=False)
        best, lowest, free_done = self.fit(counts, auxiliary, mu, free=True)
        statistic = jnp.where(best[0] > mu, 0.0, jnp.maximum(2 * (fixed - lowest), 0.0))
        return statistic, fixed_done & free_done


def _sample(sample: dict[str, Any], names: list[str]) -> Callable[[jax.Array], jax.Array]:
    """Expected events of a sample by parameters.

    Modifiers of one type go through `jax.vmap` together, as in `evm.modifier.Compose`, which itself cannot be traced in evermore
    0.4.1 with flax 0.12.8 (unhashable tracers in its grouping).
    """
    nominal = np.array(sample["data"])
    kinds = {kind: [m for m in sample["modifiers"] if m["type"] == kind] for kind in ("normsys", "histosys")}
    at = {kind: np.array([names.index(m["name"]) + 1 for m in found], dtype=int) for kind, found in kinds.items()}
    norm = [_polynomial(m["data"]["hi"], m["data"]["lo"]) for m in kinds["normsys"]]
    poly, logs = (np.array([pair[i] for pair in norm]) for i in (0, 1))
    up, down = (np.array([m["data"][key] for m in kinds["histosys"]]) for key in ("hi_data", "lo_data"))

    def scale(value: jax.Array, poly: jax.Array, logs: jax.Array) -> jax.Array:
        return evm.Modifier(value, Code4(poly, logs)).offset_and_scale(nominal).scale

    def offset(value: jax.Array, up: jax.Array, down: jax.Array) -> jax.Array:
        return evm.NormalParameter(value).morphing(up, down).offset_and_scale(nominal).offset

    def expected(point: jax.Array) -> jax.Array:
        total = jnp.array(nominal)
        if len(up):
            total = total + jax.vmap(offset)(point[at["histosys"]], up, down).sum(axis=0)
        if len(poly):
            total = total * jax.vmap(scale)(point[at["normsys"]], poly, logs).prod(axis=0)
        if any(m["type"] == "normfactor" for m in sample["modifiers"]):
            total = evm.Parameter(point[0]).scale()(total)
        return total

    return expected


def minimise(loss: Callable[[jax.Array], jax.Array], start: jax.Array, free: bool) -> tuple[jax.Array, ...]:
    """Newton's method, damped where a step does not help; the first parameter is fixed, or free and not negative."""
    both = jax.value_and_grad(loss)
    curvature = jax.hessian(loss)
    first = jnp.arange(len(start)) == 0

    def body(state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        point, value, gradient, damping, count, _ = state
        held = first & ((point <= 0) & (gradient > 0) if free else True)
        gradient_ = jnp.where(held, 0.0, gradient)
        hessian = jnp.where(held[:, None] | held[None, :], 0.0, curvature(point))
        factor = jnp.linalg.cholesky(hessian + jnp.diag(jnp.where(held, 1.0, damping)))
        step = -jax.scipy.linalg.cho_solve((factor, True), gradient_)
        candidate = jnp.where(first & free, jnp.maximum(point + step, 0.0), point + step)
        new, new_gradient = both(candidate)
        decrement = -(gradient_ * step).sum()
        done = (decrement < _CLOSE) & (damping < 1e-2)
        # Where the curvature is indefinite the decomposition gives NaN, and no comparison holds.
        better = new <= value + 1e-13 * (1 + jnp.abs(value))
        damping = jnp.where(better, jnp.where(damping < 1e-4, 0.0, damping / 10), jnp.maximum(10 * damping, 1e-2))
        return (
            jnp.where(better, candidate, point),
            jnp.where(better, new, value),
            jnp.where(better, new_gradient, gradient),
            damping,
            count + 1,
            done,
        )

    def open_(state: tuple[jax.Array, ...]) -> jax.Array:
        return ~state[5] & (state[4] < _MOST_STEPS)

    value, gradient = both(start)
    state = (start, value, gradient, jnp.zeros(()), jnp.zeros((), dtype=int), jnp.array(False))
    point, value, _, _, _, done = jax.lax.while_loop(open_, body, state)
    return point, value, done


def versions() -> dict[str, str]:
    """Versions of what runs here."""
    return {"evermore": evm.__version__, "jax": jax.__version__, "numpy": np.__version__}


def load(workspace: dict[str, Any], mu: float, batch: int) -> dict[str, Any]:
    """Take a model and compile a batch of pseudo-experiments; return the compile time [s] and the observed q-tilde."""
    likelihood = Likelihood(workspace)
    none = jnp.zeros(len(likelihood.names))
    fit = jax.jit(lambda strength: likelihood.fit(likelihood.observed, none, strength, free=False)[0])
    centres = {name: fit(strength) for name, strength in (("signal", mu), ("background", 0.0))}

    def toy(key: jax.Array, centre: jax.Array) -> tuple[jax.Array, jax.Array]:
        main, other = jax.random.split(key)
        counts = jax.random.poisson(main, likelihood.rates(centre)).astype(float)
        auxiliary = centre[1:] + jax.random.normal(other, none.shape)
        return likelihood.statistic(counts, auxiliary, mu)

    many = jax.jit(jax.vmap(toy, in_axes=(0, None)))
    start = time.perf_counter()
    many = many.lower(jax.random.split(jax.random.key(0), batch), centres["signal"]).compile()
    seconds = time.perf_counter() - start
    given = jax.jit(jax.vmap(lambda counts, auxiliary: likelihood.statistic(counts, auxiliary, mu)))
    observed = float(jax.jit(likelihood.statistic)(likelihood.observed, none, mu)[0])
    _loaded.update(many=many, given=given, centres=centres, observed=observed, batch=batch)
    return {"compile": seconds, "observed": observed, "parameters": likelihood.names}


def toys(number: int, seed: int) -> dict[str, Any]:
    """Counts of toys at least as extreme as the observed data, of toys that failed, and the time [s]."""
    batch = _loaded["batch"]
    found: dict[str, Any] = {"failed": 0, "number": -(-number // batch) * batch}
    start = time.perf_counter()
    for hypothesis, (name, centre) in enumerate(_loaded["centres"].items()):
        key = jax.random.fold_in(jax.random.key(seed), hypothesis)
        found[name] = 0
        for part in range(found["number"] // batch):
            statistic, done = _loaded["many"](jax.random.split(jax.random.fold_in(key, part), batch), centre)
            found[name] += int((statistic >= _loaded["observed"] - 1e-7).sum())
            found["failed"] += int((~done).sum())
    return {"seconds": time.perf_counter() - start, **found}


def statistics(counts: list[list[float]], auxiliary: list[list[float]]) -> dict[str, Any]:
    """q-tilde of given data sets; bins in the order of the workspace, auxiliary data in that of `parameters`."""
    statistic, done = _loaded["given"](jnp.array(counts), jnp.array(auxiliary))
    return {"statistic": statistic.tolist(), "failed": int((~done).sum())}


if __name__ == "__main__":
    serve({command.__name__: command for command in (versions, load, toys, statistics)})
