"""Pelvic bones of people who were measured: a statistical shape model, as distances.

The model is `musculoskeletal-models` (PyPI, MPL-2.0): the mean surface of sacrum and hip bones of
26 people and the 26 modes by which they differ. A sampled pelvis is a closed surface of bicubic
patches; here it becomes two signed distance fields (sacrum; hip bones), from which cortex,
subchondral depth and joint space follow without drawing any of them.

The frame, in mm: x to the patient's left from the midline, y posterior and z superior from the
middle of the sacroiliac joints.
"""

import io
import json
import os
import pickle
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from asemble.core.caches import cache_folder

Points = npt.NDArray[np.float64]
"""`(n, 3)` mm."""

GRID_MM = 1.5
"""Spacing of the distance fields: linear interpolation then errs by 0.1 mm beside a joint."""
STEP_MM = 0.2
"""One unit of a stored distance."""
REACH_MM = 25.0
"""Distances are kept up to here; what lies farther from bone is not bone anyhow."""
LOW_MM = (-156.0, -110.0, -150.0)
HIGH_MM = (156.0, 68.0, 86.0)
"""The box of the fields: the joints, the wings as far as a field of 280 mm, hips and coccyx."""

FIRST_PELVIS = 20261127
"""Seed that all pelvises share."""
LAYOUT = 2
"""Of a file in the cache: other files than those of today are left alone."""

USUAL_SPREAD = 0.9
"""Standard deviation of the weights, a little below that of the people of the model."""

_POINTS_A_SIDE = 24
"""Points along a patch of some 15 mm: 0.6 mm apart, corrected by the normal."""
_JOINT_MM = 3.5
"""Sacrum and ilium nearer than this face each other across the joint, in the mean pelvis."""


class ShapeModelMissingError(ImportError):
    """The package with the shape model is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "Simulated pelvises need the package musculoskeletal-models: "
            "install it with `pip install musculoskeletal-models==0.2.4`."
        )


@dataclass(frozen=True, slots=True, eq=False)
class ShapeModel:
    """Mean pelvis and the ways in which people differ from it.

    Args:
        mean: `(node, 3)` mm.
        modes: `(mode, node, 3)` mm for one standard deviation.
        quads: `(patch, 16)` nodes of bicubic patches.
        triangles: `(patch, 10)` nodes of cubic triangles.
        quad_bone: the bone of each quad: 0 sacrum, 1 right, 2 left hip bone.
        triangle_bone: the same of each triangle.
    """

    mean: Points
    modes: npt.NDArray[np.float64]
    quads: npt.NDArray[np.int64]
    triangles: npt.NDArray[np.int64]
    quad_bone: npt.NDArray[np.int64]
    triangle_bone: npt.NDArray[np.int64]

    def nodes(self, weights: Sequence[float] | npt.NDArray[np.float64]) -> Points:
        """Surface nodes of the pelvis with those weights, in standard deviations."""
        used = np.asarray(weights, dtype=np.float64)
        return self.mean + np.tensordot(used, self.modes[: len(used)], axes=1)


@dataclass(frozen=True, slots=True, eq=False)
class Pelvis:
    """Signed distances to the bones of one person, negative inside.

    Args:
        fields: `(2, x, y, z)` int8 in units of `STEP_MM`: sacrum, then hip bones.
    """

    fields: npt.NDArray[np.int8]


@cache
def load_shape_model() -> ShapeModel:
    """The shape model as installed.

    Raises:
        ShapeModelMissingError: the package is not installed.
    """
    mesh = json.loads(_package_file("atlas_meshes/pelvis_combined_cubic_flat.mesh"))
    components = read_arrays(_package_file("shape_models/LLP26_rigid.pc"))
    kinds = [mesh["elements"][str(i)].split()[1] for i in range(mesh["element_counter"])]
    number = _number_nodes(mesh["connectivity"], kinds)
    count = mesh["number_of_points"]
    quads = np.array([nodes for nodes in number if len(nodes) == 16])
    triangles = np.array([nodes for nodes in number if len(nodes) == 10])
    mean = components["mean"].reshape(3, -1).T[:count]
    spread = np.sqrt(components["weights"])
    modes = components["modes"].T.reshape(len(spread), 3, -1).transpose(0, 2, 1)[:, :count]
    bone = _bones(mean, number)
    of_patch = np.array([bone[nodes[0]] for nodes in number])
    is_quad = np.array([kind == "quad44" for kind in kinds])
    middle = _middle_of_joints(mean, bone)
    return ShapeModel(
        mean=mean - middle,
        modes=modes * spread[:, None, None],
        quads=quads,
        triangles=triangles,
        quad_bone=of_patch[is_quad],
        triangle_bone=of_patch[~is_quad],
    )


def read_arrays(pickled: bytes) -> dict[str, Any]:
    """A pickled dictionary of NumPy arrays.

    Raises:
        pickle.UnpicklingError: it asks for anything but arrays.
    """
    found: dict[str, Any] = _ArraysOnly(io.BytesIO(pickled)).load()
    return found


class _ArraysOnly(pickle.Unpickler):
    _ALLOWED = frozenset(
        {
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"the shape model holds {module}.{name}, not an array")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def sample_weights(
    rng: np.random.Generator, *, modes: int = 26, spread: float = USUAL_SPREAD
) -> npt.NDArray[np.float64]:
    """Weights of one person, in standard deviations, none beyond 2.2 times the spread."""
    limit = 2.2 * spread
    weights: npt.NDArray[np.float64] = np.clip(rng.normal(0, spread, modes), -limit, limit)
    return weights


def build_pelvis(nodes: Points, model: ShapeModel) -> Pelvis:
    """Distance fields of the pelvis with these surface nodes; some seconds."""
    points, normals, bones = _surface(nodes, model)
    fields = np.empty((2, *_shape()), np.int8)
    for index, wanted in enumerate(((0,), (1, 2))):
        corners = _corners(nodes, model, wanted)
        mine = np.isin(bones, wanted)
        distance = _distance(points[mine], normals[mine], _inside(corners))
        fields[index] = np.round(distance.clip(-REACH_MM, REACH_MM) / STEP_MM)
    fields.setflags(write=False)
    return Pelvis(fields)


def pelvis_folder() -> Path:
    """Where built pelvises are kept between runs: the user's cache.

    `ASEMBLE_PELVIS_CACHE` names another place. No patient's data are in it.
    """
    return cache_folder("pelvises", variable="ASEMBLE_PELVIS_CACHE")


def pelvis_of_seed(seed: int, spread: float = USUAL_SPREAD) -> Pelvis:
    """The pelvis of a seed, built once and kept on disk as a memory map of 8 MB.

    Where nothing can be written it is kept in memory.

    Raises:
        ShapeModelMissingError: it is not built yet, and the shape model is not installed.
    """
    path = _path_of(seed, spread)
    if path.exists():
        return _mapped(str(path))
    return _built(seed, spread)


@cache
def _built(seed: int, spread: float) -> Pelvis:
    model = load_shape_model()
    weights = sample_weights(np.random.default_rng([FIRST_PELVIS, seed]), spread=spread)
    built = build_pelvis(model.nodes(weights), model)
    path = _path_of(seed, spread)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
        with os.fdopen(handle, "wb") as file:
            np.save(file, built.fields)
        Path(partial).replace(path)
    except OSError:
        return built
    return _mapped(str(path))


def _path_of(seed: int, spread: float = USUAL_SPREAD) -> Path:
    return pelvis_folder() / f"pelvis-{LAYOUT}-{seed}-{spread:.2f}.npy"


@cache
def _mapped(path: str) -> Pelvis:
    return Pelvis(np.load(path, mmap_mode="r"))


def _package_file(name: str) -> bytes:
    try:
        return (resources.files("musculoskeletal") / "models" / name).read_bytes()
    except ModuleNotFoundError as error:
        raise ShapeModelMissingError from error


def _number_nodes(connectivity: dict[str, str], kinds: Sequence[str]) -> list[list[int]]:
    """Global numbers of each patch's nodes: in order, shared ones as where they came first."""
    number: dict[tuple[int, int], int] = {}
    count = 0
    for patch, kind in enumerate(kinds):
        for node in range(16 if kind == "quad44" else 10):
            same = (
                tuple(map(int, one.split("_"))) for one in connectivity[f"{patch}_{node}"].split()
            )
            known = [number[one] for one in same if one in number]
            number[patch, node] = min(known) if known else count
            count += not known
    sizes = (16 if kind == "quad44" else 10 for kind in kinds)
    return [[number[patch, node] for node in range(size)] for patch, size in enumerate(sizes)]


def _bones(mean: Points, patches: Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
    """The bone of each node: 0 sacrum, 1 right, 2 left; bones are what no patch joins."""
    parent = np.arange(len(mean))

    def root(node: int) -> int:
        while parent[node] != node:
            node = parent[node]
        return node

    for nodes in patches:
        for node in nodes[1:]:
            parent[root(node)] = root(nodes[0])
    roots = np.array([root(node) for node in range(len(mean))])
    names = sorted(set(roots), key=lambda one: mean[roots == one, 0].mean())
    right, sacrum, left = names
    return np.select([roots == sacrum, roots == right, roots == left], [0, 1, 2])


def _middle_of_joints(mean: Points, bone: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Between the middles of the places where sacrum and ilium face each other."""
    middles = []
    for side in (1, 2):
        far, _ = cKDTree(mean[bone == 0]).query(mean[bone == side])
        middles.append(mean[bone == side][far < 2 * _JOINT_MM].mean(axis=0))
    return np.asarray(np.mean(middles, axis=0), dtype=np.float64)


def _cubic(t: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """`(point, 4)`: the cubic Lagrange polynomials with nodes at 0, 1/3, 2/3, 1."""
    at = np.array([0, 1 / 3, 2 / 3, 1])
    return np.stack(
        [
            np.prod([(t - at[j]) / (at[i] - at[j]) for j in range(4) if j != i], axis=0)
            for i in range(4)
        ],
        axis=-1,
    )


def _quad_basis(u: npt.NDArray[np.float64], v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """`(point, 16)`, the first coordinate fastest."""
    basis: npt.NDArray[np.float64] = (_cubic(v)[:, :, None] * _cubic(u)[:, None, :]).reshape(-1, 16)
    return basis


def _triangle_basis(
    u: npt.NDArray[np.float64], v: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """`(point, 10)`: complete cubics through the nodes of a triangle, the first fastest."""
    nodes = np.array([(i / 3, j / 3) for j in range(4) for i in range(4 - j)])
    powers = [(i, j) for j in range(4) for i in range(4 - j)]

    def terms(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.stack([a**i * b**j for i, j in powers], axis=-1)

    basis: npt.NDArray[np.float64] = terms(u, v) @ np.linalg.inv(terms(*nodes.T))
    return basis


def _surface(nodes: Points, model: ShapeModel) -> tuple[Points, Points, npt.NDArray[np.int64]]:
    """Points dense on the surface, their unit normals (either way) and their bones."""
    n = _POINTS_A_SIDE
    t = (np.arange(n) + 0.5) / n
    u, v = (one.ravel() for one in np.meshgrid(t, t))
    h = 1e-3
    points, normals, bones = [], [], []
    for patches, bone, basis, keep in (
        (model.quads, model.quad_bone, _quad_basis, np.ones(u.shape, bool)),
        (model.triangles, model.triangle_bone, _triangle_basis, u + v < 1),
    ):
        a, b = u[keep], v[keep]
        here, du, dv = (
            np.einsum("pn,enk->epk", w, nodes[patches])
            for w in (
                basis(a, b),
                (basis(a + h, b) - basis(a - h, b)) / (2 * h),
                (basis(a, b + h) - basis(a, b - h)) / (2 * h),
            )
        )
        cross = np.cross(du, dv).reshape(-1, 3)
        points.append(here.reshape(-1, 3))
        normals.append(cross / np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), 1e-9))
        bones.append(np.repeat(bone, here.shape[1]))
    return np.concatenate(points), np.concatenate(normals), np.concatenate(bones)


def _corners(nodes: Points, model: ShapeModel, wanted: Sequence[int]) -> npt.NDArray[np.float64]:
    """`(triangle, corner, 3)`: the surface of some bones in flat triangles of about 2 mm."""
    n = 8
    t = np.linspace(0, 1, n + 1)
    u, v = (one.ravel() for one in np.meshgrid(t, t))
    square = _quad_basis(u, v) @ nodes[model.quads[np.isin(model.quad_bone, wanted)]]
    k = np.arange((n + 1) ** 2).reshape(n + 1, n + 1)
    a, b, c, d = (k[:-1, :-1].ravel(), k[:-1, 1:].ravel(), k[1:, :-1].ravel(), k[1:, 1:].ravel())
    halves = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
    at = {
        (i, j): m for m, (i, j) in enumerate((i, j) for j in range(n + 1) for i in range(n + 1 - j))
    }
    grid = np.array([(i / n, j / n) for i, j in at])
    corner = _triangle_basis(*grid.T) @ nodes[model.triangles[np.isin(model.triangle_bone, wanted)]]
    up = [(at[i, j], at[i + 1, j], at[i, j + 1]) for i, j in at if i + j < n]
    down = [(at[i + 1, j], at[i + 1, j + 1], at[i, j + 1]) for i, j in at if i + j < n - 1]
    return np.concatenate(
        [square[:, halves].reshape(-1, 3, 3), corner[:, np.array(up + down)].reshape(-1, 3, 3)]
    )


def _shape() -> tuple[int, ...]:
    return tuple(
        round((high - low) / GRID_MM) + 1 for low, high in zip(LOW_MM, HIGH_MM, strict=True)
    )


def _inside(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Grid points inside a closed surface: crossed an odd number of times by a ray along x."""
    shape = _shape()
    # Off the grid by less than a surface error, so that no ray meets an edge.
    start = np.array(LOW_MM) + np.array([0.0, 0.00137, 0.00219])
    scaled = (corners - start) / GRID_MM
    low = np.ceil(scaled[:, :, 1:].min(axis=1)).astype(int)
    size = np.floor(scaled[:, :, 1:].max(axis=1)).astype(int) - low + 1
    flips = np.zeros((shape[0] + 1, *shape[1:]), np.int16)
    for dy in range(int(size[:, 0].max(initial=0))):
        for dz in range(int(size[:, 1].max(initial=0))):
            some = (size[:, 0] > dy) & (size[:, 1] > dz)
            y, z = low[some, 0] + dy, low[some, 1] + dz
            p, q, r = (scaled[some, i] for i in range(3))
            e1, e2 = q - p, r - p
            py, pz = y - p[:, 1], z - p[:, 2]
            area = e1[:, 1] * e2[:, 2] - e2[:, 1] * e1[:, 2]
            flat = np.abs(area) < 1e-12
            area = np.where(flat, 1.0, area)
            s = (py * e2[:, 2] - pz * e2[:, 1]) / area
            t = (e1[:, 1] * pz - e1[:, 2] * py) / area
            hit = ~flat & (s >= 0) & (t >= 0) & (s + t <= 1)
            hit &= (y >= 0) & (y < shape[1]) & (z >= 0) & (z < shape[2])
            x = np.ceil(p[:, 0] + s * e1[:, 0] + t * e2[:, 0]).clip(0, shape[0])[hit]
            np.add.at(flips, (x.astype(int), y[hit], z[hit]), 1)
    odd = (np.cumsum(flips, axis=0)[:-1] % 2).astype(np.uint8)
    leaking = flips.sum(axis=0) % 2 == 1
    if leaking.any():
        # A ray that met an edge after all leaves an odd count: its neighbours decide.
        odd = np.where(leaking, ndimage.median_filter(odd, size=(1, 3, 3)), odd)
    return odd > 0


def _coarse_distance(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Signed distance by every second point of the grid, in an eighth of the time."""
    few = inside[::2, ::2, ::2]
    away = ndimage.distance_transform_edt(~few, 2 * GRID_MM)
    away = away - ndimage.distance_transform_edt(few, 2 * GRID_MM)
    far: npt.NDArray[np.float32] = (away - np.sign(away) * GRID_MM).astype(np.float32)
    for axis, count in enumerate(inside.shape):
        at = np.minimum(np.arange(count) / 2, far.shape[axis] - 1)
        low = at.astype(int)
        high = np.minimum(low + 1, far.shape[axis] - 1)
        share = (at - low).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
        between = far.take(low, axis) * (1 - share) + far.take(high, axis) * share
        far = np.asarray(between, dtype=np.float32)
    return far


def _distance(
    points: Points, normals: Points, inside: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Signed distance in mm on the grid: exact near the surface, by steps of the grid away."""
    signed = _coarse_distance(inside)
    near = np.argwhere(np.abs(signed) < 4 * GRID_MM)
    at = near * GRID_MM + LOW_MM
    distance, nearest = cKDTree(points).query(at)
    offset = at - points[nearest]
    # Beside the surface the nearest sample is farther than the surface: take the normal's part.
    along = np.abs((offset * normals[nearest]).sum(axis=1))
    exact = np.where(distance < 1.0, along, distance)
    index = tuple(near.T)
    signed[index] = np.where(inside[index], -exact, exact)
    return signed
