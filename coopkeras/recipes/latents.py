"""Ways through the space of z ~ N(0, I): what lies between samples, and a map of them."""

import tensorflow as tf

from coopkeras import seeds

MAP_REACH = 2.0  # standard deviations from the middle of a map to its border


def line(a, b, count):
    """Return `count` points on the straight line from a to b.

        z = (1 - t) a + t b

    Halfway they are nearer to 0 than draws of N(0, I) are: what they show is blander.

    Args:
        a: float32 `[...]`, one z.
        b: float32, shaped like `a`.
        count: int >= 2.

    Returns:
        z: float32 `[count, ...]`, from a to b.

    Example:
        >>> line(tf.constant([0.0]), tf.constant([1.0]), 3).numpy().ravel().tolist()
        [0.0, 0.5, 1.0]
    """
    t = _shares(count, a)
    return (1 - t) * a + t * b


def sphere(a, b, count):
    """Return `count` points on the arc from a to b: as likely, on the way, as its ends.

        z = (sin((1 - t) w) a + sin(t w) b) / sin(w),   cos(w) = <a, b> / (|a| |b|)

    Args:
        a: float32 `[...]`, one z, not 0.
        b: float32, shaped like `a`, not opposite to it.
        count: int >= 2.

    Returns:
        z: float32 `[count, ...]`, from a to b.

    Example:
        >>> z = sphere(tf.constant([1.0, 0.0]), tf.constant([0.0, 1.0]), 5)
        >>> tf.norm(z, axis=1).numpy().round(6).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0]

    Source:
        Shoemake, Animating rotation with quaternion curves, 1985.
    """
    cosine = tf.reduce_sum(a * b) / (tf.norm(a) * tf.norm(b))
    angle = tf.acos(tf.clip_by_value(cosine, -1, 1))
    t = _shares(count, a)
    if angle < 1e-3:  # an arc so short is a line
        return line(a, b, count)
    return (tf.sin((1 - t) * angle) * a + tf.sin(t * angle) * b) / tf.sin(angle)


def plane(shape, side, seed):
    """Return the points of a square map: a plane through 0, two standard deviations each way.

        z = p u + q v,   p, q in [-2, 2],   <u, v> = 0,   |u|^2 = |v|^2 = d / 2

    With d = 2 values of z it is all of the space there is to see.

    Args:
        shape: shape of one z.
        side: int >= 2, points of a side.
        seed: int or int32 `[2]`, of the directions u and v.

    Returns:
        z: float32 `[side * side, *shape]`, row by row.

    Raises:
        ValueError: if z has one value only.

    Example:
        >>> plane([2], 3, seed=0).shape.as_list()
        [9, 2]
    """
    size = int(tf.reduce_prod(shape))
    if size < 2:
        raise ValueError(f"A map needs a z of at least 2 values; received shape {tuple(shape)}.")
    drawn = seeds.normal(seeds.as_seed(seed), [size, 2])
    directions = tf.linalg.qr(drawn).q * (size / 2) ** 0.5
    places = tf.linspace(-MAP_REACH, MAP_REACH, side)
    down, across = tf.meshgrid(places, places, indexing="ij")
    points = tf.stack([tf.reshape(down, [-1]), tf.reshape(across, [-1])], axis=1)
    return tf.reshape(tf.matmul(points, directions, transpose_b=True), [side * side, *shape])


def sheet(kind, generator, count, seed, columns):
    """Return the z of a sheet of about `count` images.

    Args:
        kind: "line" or "sphere", in each row the way from one z to another; or "map".
        generator: the `Generator` whose z they are.
        count: number of images.
        seed: an int.
        columns: of the rows that are ways.

    Returns:
        z, columns: `[n, *z_shape]`, and the columns of the sheet.
    """
    if kind == "map":
        side = int(count**0.5)
        return plane(generator.z_shape, side, seed), side
    way = {"line": line, "sphere": sphere}[kind]
    ends = generator.prior.draw(2 * (count // columns), seeds.as_seed(seed))
    pairs = zip(ends[::2], ends[1::2], strict=True)
    return tf.concat([way(a, b, columns) for a, b in pairs], axis=0), columns


def _shares(count, like):
    return tf.reshape(tf.linspace(0.0, 1.0, count), [count] + [1] * len(like.shape))
