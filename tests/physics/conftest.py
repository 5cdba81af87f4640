"""Dirac algebra in numbers, an oracle for amplitudes and widths that shares nothing with the formulas under test."""

import itertools

import numpy as np
import pytest

_PAULI = [np.array(m, dtype=complex) for m in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]])]
_ZERO, _ONE = np.zeros((2, 2)), np.eye(2)


class Dirac:
    """Gamma matrices in the Dirac representation, metric (+, -, -, -)."""

    metric = np.diag([1.0, -1.0, -1.0, -1.0])
    one = np.eye(4, dtype=complex)
    gamma = (
        np.block([[_ONE, _ZERO], [_ZERO, -_ONE]]).astype(complex),
        *(np.block([[_ZERO, s], [-s, _ZERO]]) for s in _PAULI),
    )
    gamma5 = 1j * gamma[0] @ gamma[1] @ gamma[2] @ gamma[3]

    def __init__(self):
        self.epsilon = np.zeros((4, 4, 4, 4))
        for indices in itertools.permutations(range(4)):
            self.epsilon[indices] = np.linalg.det(np.eye(4)[list(indices)])

    def dot(self, a, b):
        return a @ self.metric @ b

    def slash(self, p):
        lower = self.metric @ p
        return sum(lower[i] * self.gamma[i] for i in range(4))

    def bar(self, operator):
        return self.gamma[0] @ operator.conj().T @ self.gamma[0]

    def spin_sum(self, outgoing, m_out, operator, incoming, m_in):
        """Sum over spins of |ubar(out) O u(in)|^2; m_in < 0 makes the second an antiparticle."""
        left, right = self.slash(outgoing) + m_out * self.one, self.slash(incoming) + m_in * self.one
        return np.trace(left @ operator @ right @ self.bar(operator)).real


@pytest.fixture(scope="session")
def dirac():
    return Dirac()
