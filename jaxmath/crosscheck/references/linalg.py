"""Chapter 2 from the definitions: exponentials, permutations, interpolation, augmented systems, repeated products."""

import itertools

import numpy as np
import scipy.linalg


def angle(u, v):
    """From the part of u along v and what is left of it."""
    along = u @ v / np.sqrt(v @ v)
    left = u - along * v / np.sqrt(v @ v)
    return np.arctan2(np.sqrt(left @ left), along)


def cosine_similarity(u, v):
    """A quotient of sums of products."""
    dot = sum(a * b for a, b in zip(u, v, strict=True))
    return dot / np.sqrt(sum(a * a for a in u) * sum(b * b for b in v))


def rotation_2d(theta):
    """The exponential of the generator."""
    return scipy.linalg.expm(theta * np.array([[0.0, -1.0], [1.0, 0.0]]))


def rotation_3d(theta, axis):
    """The exponential of the matrix of the cross product with the axis."""
    k = np.asarray(axis) / np.linalg.norm(axis)
    return scipy.linalg.expm(theta * np.cross(k, np.eye(3)).T)


def axis_angle(r):
    """The axis as what R - I takes to 0, the angle as how far a vector across it turns."""
    axis = np.linalg.svd(r - np.eye(3))[2][2]
    across = np.cross(axis, np.eye(3)[np.argmin(abs(axis))])
    turned = r @ across
    theta = np.arctan2(axis @ np.cross(across, turned), across @ turned)
    return (axis, theta) if theta >= 0 else (-axis, -theta)


def with_sign(v):
    """The vector whose first entry of about the largest size is positive, real and positive if complex."""
    first = next(x for x in v if abs(x) >= (1 - 1e-3) * max(abs(v)))
    return v * np.conj(first) / abs(first)


def condition(a):
    """The product of the 1-norms of the matrix and of its solved inverse."""
    return np.linalg.norm(a, 1) * np.linalg.norm(np.linalg.solve(a, np.eye(len(a))), 1)


def determinant(a):
    """The sum over permutations."""
    total = 0.0
    for order in itertools.permutations(range(len(a))):
        inversions = sum(p > q for p, q in itertools.combinations(order, 2))
        total += (-1) ** inversions * np.prod([a[i, j] for i, j in enumerate(order)])
    return total


def least_squares(a, b):
    """From the augmented system of x and r = b - A x, or the shortest solution if A is wide; full rank."""
    n, d = a.shape
    if n < d:
        x = a.T @ np.linalg.solve(a @ a.T, b)
    else:
        system = np.block([[np.eye(n), a], [a.T, np.zeros((d, d))]])
        x = np.linalg.solve(system, np.concatenate([b, np.zeros((d, *b.shape[1:]))]))[n:]
    return x, ((a @ x - b) ** 2).sum(axis=0), min(n, d)


def deficient_least_squares(a, b):
    """The shortest of the solutions, by LAPACK's pivoted factorisation."""
    x, _, rank, _ = scipy.linalg.lstsq(a, b, lapack_driver="gelsy")  # pyright: ignore[reportGeneralTypeIssues]
    return x, ((a @ x - b) ** 2).sum(axis=0), rank


def null_projector(a):
    """I - A^T (A A^T)^-1 A for a matrix of full row rank."""
    return np.eye(a.shape[1]) - a.T @ np.linalg.solve(a @ a.T, a)


def low_rank(a, k):
    """Projection on the leading eigenvectors of A A^T, and the length of the rest."""
    _, vectors = np.linalg.eigh(a @ a.T)
    u = vectors[:, ::-1][:, :k]
    nearest = u @ (u.T @ a)
    return nearest, np.sqrt(((a - nearest) ** 2).sum())


def eig(a):
    """Eigenvalues, largest real part + 0.3 imaginary part first; each eigenvector as what A - l I takes to 0."""
    values = np.linalg.eigvals(a).astype(complex)
    values = values[np.argsort(-(values.real + 0.3 * values.imag))]
    vectors = [with_sign(np.linalg.svd(a - v * np.eye(len(a)))[2][-1].conj()) for v in values]
    return values, np.stack(vectors, axis=1)


def diagonalization(a):
    """Eigenvectors, eigenvalues, the inverse and its condition."""
    values, vectors = eig(a)
    return vectors, values, np.linalg.solve(vectors, np.eye(len(a))), condition(vectors)


def whole_power(a, p):
    """Repeated products, of solved systems if p is negative."""
    result = np.eye(len(a))
    for _ in range(abs(p)):
        result = result @ a if p > 0 else np.linalg.solve(a, result)
    return result


def fractional_power(a, p):
    """The exponential of p times the logarithm of the matrix, brought to size 1 and back."""
    size = np.linalg.norm(a, 1)
    return np.real(scipy.linalg.expm(p * scipy.linalg.logm(a / size))) * size**p


def spectral_components(a):
    """l_i times the product over j of (A - l_j I) / (l_i - l_j): distinct eigenvalues."""
    values = np.linalg.eigvalsh(a)[::-1]
    components = []
    for i, v in enumerate(values):
        term = v * np.eye(len(a))
        for other in np.delete(values, i):
            term = term @ (a - other * np.eye(len(a))) / (v - other)
        components.append(term)
    return np.stack(components)


def quadric_axes(a, c):
    """Axes by eigenvectors of a general matrix."""
    values, vectors = eig((a + a.T) / 2)
    lengths = [np.sqrt(abs(c) / abs(v)) for v in values]
    return np.array(lengths), np.real(vectors), np.array([np.sign(v.real) * np.sign(c) for v in values])


def spectral_components_of_smallest(a):
    """The last term, from the only eigenvector that belongs to it."""
    value = np.linalg.eigvalsh(a)[0]
    v = np.linalg.svd(a - value * np.eye(len(a)))[2][-1]
    return value * np.outer(v, v)
