"""Chapter 10: convolutions."""

import jax.numpy as jnp
import numpy as np
from scipy import ndimage, signal

from jaxmath import conv
from jaxmath.crosscheck.draws import fixed, normal
from jaxmath.crosscheck.references import conv as reference
from jaxmath.crosscheck.registry import case

_GROUPED = {"stride": 2, "padding": [(1, 3)], "dilation": 2, "groups": 2, "channels": True}
_UNEVEN = {"stride": (2, 1), "padding": [(0, 2), (3, 1)], "dilation": (1, 2), "groups": 3}
_LENET = ((5, 1, 1), (2, 2, 1), (5, 1, 1), (2, 2, 1))
_DILATED = ((3, 1, 1), (3, 1, 2), (3, 1, 4))


case(
    "10.2 one dimension",
    lambda x, w, batch, kernels: (
        conv.correlate(x, w), conv.convolve(x, w, padding="full"), conv.convolve_fft(x, w, padding="full"),
        conv.convolve(x, w, padding="same"), conv.convolve_fft(x, w, padding=[(5, 0)]),
        conv.correlate(batch, kernels, **_GROUPED), conv.convolve(batch, kernels, **_GROUPED),
    ),
    lambda x, w, batch, kernels: (
        np.correlate(x, w), np.convolve(x, w), np.convolve(x, w), np.convolve(x, w)[2:11],
        np.concatenate([[0, 0], np.convolve(x, w)[:9]]),
        reference.correlate(batch, kernels, [2], [(1, 3)], [2], 2),
        reference.correlate(batch, kernels[::-1], [2], [(1, 3)], [2], 2),
    ),
    inputs=normal((9,), (4,), (2, 8, 4), (3, 2, 6)),
    covers=("conv.correlate", "conv.convolve", "conv.convolve_fft"),
)  # fmt: skip
case(
    "10.3 two dimensions",
    lambda x, w, batch, kernels: (
        conv.correlate(x, w, padding="full"), conv.convolve(x, w), conv.convolve_fft(x, w, padding="same"),
        conv.correlate(x, w, stride=2, padding="same"), conv.correlate(w, x, padding=[(6, 3), (4, 5)]),
        conv.correlate(batch, kernels, **_UNEVEN), conv.convolve(batch, kernels, padding="same", groups=3),
    ),
    lambda x, w, batch, kernels: (
        signal.correlate2d(x, w), signal.convolve2d(x, w, "valid"), signal.convolve2d(x, w)[2:8, 1:8],
        reference.plain(x, w, [2, 2], [reference.same_pads(6, 4, 2), reference.same_pads(7, 3, 2)], [1, 1]),
        np.pad(signal.correlate2d(w, x), ((1, 0), (0, 0)))[:8, 2:8],
        reference.correlate(batch, kernels, [2, 1], [(0, 2), (3, 1)], [1, 2], 3),
        reference.correlate(batch, kernels[::-1, ::-1], [1, 1], [(1, 1), (0, 1)], [1, 1], 3),
    ),
    inputs=normal((6, 7), (4, 3), (2, 5, 4, 3), (3, 2, 1, 6)),
    covers=("conv.correlate", "conv.convolve", "conv.convolve_fft"),
)  # fmt: skip
case(
    "10.3 patches",
    lambda x, batch: (
        conv.patches(x, (2, 3), stride=(2, 1), padding=[(1, 0), (0, 2)], dilation=(1, 2)),
        conv.patches(batch, 4, padding="same", channels=True),
    ),
    lambda x, batch: (
        np.lib.stride_tricks.sliding_window_view(np.pad(x, ((1, 0), (0, 2))), (2, 5))[::2, :, :, ::2],
        np.moveaxis(np.lib.stride_tricks.sliding_window_view(np.pad(batch, ((0, 0), (1, 2), (0, 0))), 4, 1), 3, 2),
    ),
    inputs=normal((5, 6), (2, 5, 3)),
    covers=("conv.patches",),
)
case(
    "10.3.1 smoothing",
    lambda image, sigma: (
        conv.filter_image(image, conv.box_kernel(3)),
        conv.filter_image(image[..., 0], conv.gaussian_kernel((4, 5), sigma), border="edge"),
        conv.gaussian_kernel((3,), sigma), conv.gaussian_kernel(3).astype(sigma.dtype),
        conv.box_kernel((2, 3, 4)).astype(sigma.dtype),
    ),
    lambda image, sigma: (
        ndimage.correlate(image, np.full((3, 3, 1), 1 / 9), mode="constant"),
        signal.correlate2d(np.pad(image[..., 0], ((1, 2), (2, 2)), "edge"), reference.gaussian((4, 5), sigma), "valid"),
        reference.gaussian((3,), sigma), reference.gaussian((3, 3), 1.0), np.full((2, 3, 4), 1 / 24),
    ),
    inputs=lambda rng: (rng.normal(size=(5, 6, 3)), np.array(0.8)),
    covers=("conv.filter_image", "conv.box_kernel", "conv.gaussian_kernel"),
)  # fmt: skip
case(
    "10.3.2 edges",
    lambda image: (
        tuple(conv.correlate(image, kernel).astype(image.dtype) for kernel in conv.edge_kernels()),
        tuple(conv.filter_image(image, kernel, border="edge") for kernel in conv.sobel_kernels()),
        tuple(kernel.astype(image.dtype) for kernel in conv.edge_kernels()),
    ),
    lambda image: (
        tuple(signal.correlate2d(image, w, "valid") for w in np.array([[[-1, 1], [-1, 1]], [[-1, -1], [1, 1]]]) / 4),
        (ndimage.sobel(image, 1, mode="nearest"), ndimage.sobel(image, 0, mode="nearest")),
        (np.array([[-1, 1], [-1, 1]]) / 4, np.array([[-1, -1], [1, 1]]) / 4),
    ),
    inputs=normal((5, 6)),
    covers=("conv.edge_kernels", "conv.sobel_kernels", "conv.filter_image"),
)
case(
    "10.4.1 three dimensions and motion",
    lambda frames, w, batch, kernels: (
        conv.correlate(frames, conv.motion_kernel()).astype(frames.dtype),
        conv.convolve(frames, w, padding="same"), conv.convolve_fft(frames, w),
        conv.correlate(batch, kernels, stride=(1, 2, 1), padding="same", dilation=(2, 1, 1)),
    ),
    lambda frames, w, batch, kernels: (
        np.diff([ndimage.uniform_filter(frame, 3)[1:-1, 1:-1] for frame in frames], axis=0),
        signal.convolve(frames, w)[1:5, 0:5, 1:6], signal.convolve(frames, w, "valid"),
        reference.correlate(
            batch, kernels, [1, 2, 1],
            [reference.same_pads(3, 2, 1, 2), reference.same_pads(4, 2, 2), reference.same_pads(2, 3, 1)], [2, 1, 1],
        ),
    ),
    inputs=normal((4, 5, 5), (2, 1, 3), (1, 3, 4, 2, 2), (2, 2, 3, 2, 3)),
    covers=("conv.correlate", "conv.convolve", "conv.convolve_fft", "conv.motion_kernel"),
)  # fmt: skip
case(
    "10.5.3 transposed convolution of the textbook",
    lambda x, w: (conv.transposed(x, w), conv.transposed(x, w, stride=2)),
    lambda x, w: (
        np.array([[5.0, 16, 12], [22, 60, 40], [21, 52, 32]]),
        np.array([[5.0, 10, 6, 12], [15, 20, 18, 24], [7, 14, 8, 16], [21, 28, 24, 32]]),
    ),
    inputs=fixed([[5, 6], [7, 8]], [[1, 2], [3, 4]]),
    covers=("conv.transposed",),
    not_differentiable="the reference is for these numbers; the next case has the derivative",
)
case(
    "10.5.3 transposed convolution",
    lambda x, w, batch, kernels, volume, block: (
        conv.transposed(x, w, padding="full"), conv.transposed(x, w, stride=4, padding="same"),
        conv.transposed(x, w, padding="same"), conv.transposed(x, w, stride=2, padding=[(4, 1)]),
        conv.transposed(batch, kernels, stride=(2, 1)), conv.transposed(volume, block, stride=(1, 2, 1)),
        conv.transposed(batch[0], kernels[:, 0], stride=3, channels=True),
    ),
    lambda x, w, batch, kernels, volume, block: (
        np.convolve(x, w)[2:-2], np.append(reference.stack_copies(x[None, :, None], w[:, None, None], [4])[0, :, 0], 0),
        np.convolve(x, w, "same"), np.convolve(np.insert(x, range(1, 5), 0), w)[4:-1],
        reference.stack_copies(batch, kernels, [2, 1]),
        reference.stack_copies(volume[None, ..., None], block[..., None, None], [1, 2, 1])[0, ..., 0],
        reference.stack_copies(batch[0], kernels[:, 0], [3]),
    ),
    inputs=normal((5,), (3,), (2, 3, 2, 3), (3, 2, 3, 2), (2, 3, 2), (2, 2, 1)),
    covers=("conv.transposed",),
)  # fmt: skip
case(
    "10.5.3 sizes",
    lambda x: tuple(
        jnp.asarray(size) for size in (
            conv.output_size(28, 5), conv.output_size((9, 8), (3, 4), stride=2, padding="same", dilation=(2, 1)),
            conv.output_size((7, 7), 4, stride=(1, 3), padding=[(2, 0), (0, 3)]),
            conv.output_size(5, 3, padding="full"),
            conv.receptive_field(_LENET), conv.receptive_field(_DILATED), conv.receptive_field([(3,), (3, 2)]),
        )
    ),
    lambda x: tuple(
        np.asarray(size) for size in (
            24, (5, 4), (len(range(0, 9 - 3, 1)), len(range(0, 10 - 3, 3))), 7,
            reference.seen_inputs(_LENET), reference.seen_inputs(_DILATED), 5,
        )
    ),
    inputs=fixed(0.0),
    covers=("conv.output_size", "conv.receptive_field"),
    not_differentiable="sizes are whole numbers",
)  # fmt: skip
